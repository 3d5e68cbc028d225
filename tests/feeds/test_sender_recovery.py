"""Senders recovered from raw bytes: those that the recorded blocks name, of every kind of signature."""

import gzip
import json

import pytest

from bot.core.raw_transaction_codec import from_json
from bot.feeds.sender_recovery import recover_sender
from tests.feeds.pending_samples import ACCOUNT, raw_transaction

STEP = 15
"""Every so manieth transaction of the recorded blocks."""


def test_senders_of_recorded_transactions(ground_truth):
    kinds = {}
    for path in sorted((ground_truth("mainnet_blocks") / "blocks").glob("*/block.json.gz")):
        for body in json.loads(gzip.decompress(path.read_bytes()))["transactions"][::STEP]:
            recorded = from_json(body)
            assert recover_sender(recorded.raw) == recorded.sender
            kind = (recorded.type, int(body["v"], 16) in (27, 28))
            kinds[kind] = kinds.get(kind, 0) + 1
    ground_truth.count(sum(kinds.values()))
    assert set(kinds) >= {(0, False), (0, True), (2, False)}
    assert sum(kinds.values()) > 900


def test_a_signature_of_no_key_is_refused():
    raw = raw_transaction(1)
    assert recover_sender(raw) == bytes.fromhex(ACCOUNT.address[2:])
    with pytest.raises(ValueError):
        recover_sender(raw[:-32] + b"\xff" * 32)
    with pytest.raises(ValueError):
        recover_sender(b"\x02\xc0")
