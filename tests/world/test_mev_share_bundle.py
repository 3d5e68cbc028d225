"""The rules of mev_sendBundle, each broken once, in the reference node's words."""

import pytest

from bot.core.identity import hex_bytes, keccak
from bot.world.json_rpc import RpcError
from bot.world.market_plan import MarketPlan
from bot.world.mev_share_bundle import Inclusion, read_share_bundle
from bot.world.traders import Traders

HEAD = 100
HASH = hex_bytes(keccak(b"a hint"))


def raws(count):
    traders = Traders(MarketPlan(3), 31337)
    nonces = dict.fromkeys((account.address for account in traders.accounts), 0)
    signed = [one for index in range(20) for one in traders.signed_transactions(index, 10**9, nonces)]
    return [(hex_bytes(one.raw), one.hash) for one in signed[:count]]


(RAW, TX_HASH), (OTHER, OTHER_HASH) = raws(2)


def asked(**changes):
    bundle = {"version": "v0.1", "inclusion": {"block": "0x65"}, "body": [{"hash": HASH}, {"tx": RAW}]}
    return [bundle | changes]


def inclusion(first, last=None):
    return {"block": hex(first)} if last is None else {"block": hex(first), "maxBlock": hex(last)}


def nested(depth):
    inner = {"version": "v0.1", "inclusion": inclusion(101, 105), "body": [{"tx": RAW}]}
    for _ in range(depth - 1):
        inner = inner | {"body": [{"bundle": inner}]}
    return [{"bundle": inner}]


def test_a_back_run_is_read_whole():
    bundle = read_share_bundle(asked(inclusion=inclusion(101, 103)), HEAD)
    assert bundle.inclusion == Inclusion(101, 103)
    assert hex_bytes(bundle.matching_hash) == HASH
    assert [tx.hash for tx in bundle.transactions] == [TX_HASH]
    assert bundle.hash == keccak(bytes.fromhex(HASH[2:]) + TX_HASH)
    assert bundle.may_revert == frozenset()


def test_hash_of_a_bundle_without_a_hint():
    one = read_share_bundle(asked(body=[{"tx": RAW, "canRevert": True}]), HEAD)
    assert (one.matching_hash, one.hash, one.may_revert) == (None, TX_HASH, {TX_HASH})
    two = read_share_bundle(asked(body=[{"tx": RAW}, {"tx": OTHER, "revertMode": "allow"}]), HEAD)
    assert two.hash == keccak(TX_HASH + OTHER_HASH)
    assert two.may_revert == {OTHER_HASH}


@pytest.mark.parametrize(
    ("first", "last", "passes"),
    [
        (101, None, True), (100, None, False), (100, 101, True), (105, None, True), (106, None, False),
        (105, 135, True), (101, 132, False), (103, 102, False), (90, 121, False),
    ],
)  # fmt: skip
def test_inclusion(first, last, passes):
    params = asked(inclusion=inclusion(first, last))
    if passes:
        assert read_share_bundle(params, HEAD).inclusion == Inclusion(first, last or first)
    else:
        with pytest.raises(RpcError, match=r"^invalid inclusion$"):
            read_share_bundle(params, HEAD)


def test_a_bundle_in_a_bundle_narrows_its_blocks():
    bundle = read_share_bundle(asked(body=nested(1), inclusion=inclusion(103, 110)), HEAD)
    assert bundle.inclusion == Inclusion(103, 105)
    assert [tx.hash for tx in bundle.transactions] == [TX_HASH]
    with pytest.raises(RpcError, match="invalid inclusion"):
        read_share_bundle(late_inner(), HEAD)


def late_inner():
    inner = {"version": "v0.1", "inclusion": inclusion(103), "body": [{"tx": RAW}]}
    return asked(body=[{"bundle": inner}], inclusion=inclusion(101, 102))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "v0.2"}, "unsupported bundle version"),
        ({"version": None}, "unsupported bundle version"),
        ({"inclusion": None}, "invalid inclusion"),
        ({"body": []}, "invalid bundle body size"),
        ({"body": "0x"}, "invalid bundle body size"),
        ({"body": [{"hash": HASH}]}, "invalid bundle body"),
        ({"body": [{}]}, "invalid bundle body"),
        ({"body": ["0x00"]}, "invalid bundle body"),
        ({"body": [{"tx": RAW}, {"hash": HASH}]}, "invalid bundle body"),
        ({"body": [{"tx": RAW}, {"hash": HASH}, {"tx": OTHER}]}, "invalid bundle body"),
        ({"body": [{"hash": HASH}, {"hash": HASH}]}, "invalid bundle body"),
        ({"body": [{"hash": HASH}, {"tx": RAW}, {"tx": OTHER}]}, "invalid bundle body size"),
        ({"body": [{"tx": raw} for raw, _ in raws(51)]}, "invalid bundle body size"),
        ({"body": nested(2)}, "bundle too deep"),
        (
            {"body": [{"bundle": {"version": "v0.1", "inclusion": {"block": "0x65"}, "body": [{"hash": HASH}, {"tx": RAW}]}}]},
            "invalid bundle body",
        ),
        ({"body": [{"tx": RAW, "revertMode": "maybe"}]}, "invalid bundle body"),
        ({"validity": {"refund": [{"bodyIdx": 0, "percent": 90}]}}, "invalid bundle constraints"),
        ({"validity": {"refundConfig": [{"address": HASH[:42], "percent": 101}]}}, "invalid bundle constraints"),
        ({"validity": {"refundConfig": 7}}, "invalid bundle constraints"),
        (
            {"body": [{"tx": RAW}, {"tx": OTHER}], "validity": {"refund": [{"bodyIdx": 2, "percent": 9}]}},
            "invalid bundle constraints",
        ),
        (
            {"body": [{"tx": RAW}, {"tx": OTHER}], "validity": {"refund": [{"bodyIdx": 0, "percent": 9}] * 2}},
            "invalid bundle constraints",
        ),
        ({"privacy": {"hints": ["hash"]}}, "invalid bundle privacy"),
    ],
)  # fmt: skip
def test_every_other_rule_broken_once(changes, words):
    with pytest.raises(RpcError) as caught:
        read_share_bundle(asked(**changes), HEAD)
    assert caught.value.message == words


def test_fifty_transactions_are_still_a_bundle():
    assert len(read_share_bundle(asked(body=[{"tx": raw} for raw, _ in raws(50)]), HEAD).transactions) == 50
