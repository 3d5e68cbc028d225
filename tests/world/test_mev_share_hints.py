"""What a hint says: by name, by implication, rounded; and nothing beyond."""

import json

import pytest
import rlp
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import hex_bytes, keccak
from bot.world.accounts import ThrowawayAccount
from bot.world.hint_rules import DEFAULT_HINTS, hint_json, hints_of, round_up
from bot.world.market_plan import MarketPlan
from bot.world.old_transactions import OldTypes
from bot.world.raw_transaction import decode_raw
from bot.world.traders import Traders

SWAP_V2 = hex_bytes(keccak(b"Swap(address,uint256,uint256,uint256,uint256,address)"))
SWAP_V3 = hex_bytes(keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)"))
SYNC = hex_bytes(keccak(b"Sync(uint112,uint112)"))
LOGS = [
    {"address": "0x" + "0a" * 20, "topics": [SYNC], "data": "0x" + "11" * 64, "logIndex": "0x0"},
    {"address": "0x" + "0a" * 20, "topics": [SWAP_V2, "0x" + "22" * 32], "data": "0x" + "33" * 128},
    {"address": "0x" + "0b" * 20, "topics": [SWAP_V3, "0x" + "44" * 32], "data": "0x" + "55" * 160},
    {"address": "0x" + "0c" * 20, "topics": [], "data": "0x66"},
]


def some_transaction():
    traders = Traders(MarketPlan(3), 31337)
    nonces = dict.fromkeys((account.address for account in traders.accounts), 0)
    return decode_raw(traders.signed_transactions(0, 10**9, nonces)[0].raw)


def event(*names, logs=LOGS):
    tx = some_transaction()
    return tx, hint_json(tx, hints_of(names), logs, 1_234_567, 123_456)


def test_a_bare_hash_says_nothing_of_the_transaction():
    tx, said = event("hash")
    assert said == {
        "hash": hex_bytes(keccak(tx.hash)),
        "logs": None,
        "txs": None,
        "mevGasPrice": hex(1_240_000),
        "gasUsed": hex(130_000),
    }
    for hidden in (tx.hash, tx.data, tx.to, tx.sender):
        assert hidden.hex() not in json.dumps(said)


def test_calldata_implies_selector_and_address():
    tx, said = event("calldata")
    assert said["txs"] == [
        {"to": hex_bytes(tx.to), "functionSelector": hex_bytes(tx.data[:4]), "callData": hex_bytes(tx.data)}
    ]
    assert said["logs"] is None
    _, less = event("function_selector")
    assert less["txs"] == [{"to": hex_bytes(tx.to), "functionSelector": hex_bytes(tx.data[:4])}]
    assert event("contract_address")[1]["txs"] == [{"to": hex_bytes(tx.to)}]
    assert event("tx_hash")[1]["txs"] == [{"hash": hex_bytes(tx.hash)}]


def test_logs_are_whole_or_only_say_that_a_pool_was_swapped_in():
    whole = event("logs")[1]["logs"]
    assert whole == [{name: log[name] for name in ("address", "topics", "data")} for log in LOGS]
    nothing = "0x" + "00" * 32
    hidden = [
        {"address": "0x" + "0a" * 20, "topics": [SWAP_V2, nothing], "data": "0x"},
        {"address": "0x" + "0b" * 20, "topics": [SWAP_V3, nothing], "data": "0x"},
    ]
    assert event("default_logs")[1]["logs"] == event("special_logs")[1]["logs"] == hidden
    assert event("default_logs", logs=LOGS[:1])[1]["logs"] is None


def test_names():
    assert hints_of([]) == frozenset()
    assert hints_of(["hash", "default_logs"]) == DEFAULT_HINTS
    assert hints_of(["full"]) >= {"calldata", "logs", "tx_hash", "hash"}
    with pytest.raises(ValueError, match="no such hint: 'everything'; there are calldata, contract_address"):
        hints_of(["everything"])


@given(st.integers(0, 10**30), st.integers(1, 5))
def test_rounding_keeps_the_first_digits_and_never_goes_down(number, digits):
    rounded = round_up(number, digits)
    assert rounded >= number
    assert (rounded - number) * 10 ** (digits - 1) <= max(number, 0)
    assert len(str(rounded).rstrip("0")) <= digits


def encoded(body):
    """The raw bytes of a node's JSON body: the test's own encoder, by the EIPs 155, 2930 and 1559."""

    def number(name):
        return int(body[name], 16).to_bytes(-(-int(body[name], 16).bit_length() // 8), "big")

    def data(name):
        return bytes.fromhex((body[name] or "0x")[2:])

    common = [data("to"), number("value"), data("input")]
    signature = [number("r"), number("s")]
    if body["type"] == "0x0":
        return rlp.encode(
            [number("nonce"), number("gasPrice"), number("gas"), *common, number("v"), *signature]
        )
    listed = [
        [bytes.fromhex(entry["address"][2:]), [bytes.fromhex(key[2:]) for key in entry["storageKeys"]]]
        for entry in body["accessList"]
    ]
    fees = ["gasPrice"] if body["type"] == "0x1" else ["maxPriorityFeePerGas", "maxFeePerGas"]
    fields = [number("chainId"), number("nonce"), *map(number, fees), number("gas"), *common, listed]
    return bytes([int(body["type"], 16)]) + rlp.encode([*fields, number("yParity"), *signature])


def test_pending_bodies_of_every_type_encode_to_their_hash():
    """The bodies newPendingTransactions carries hold every field of their type."""
    traders = Traders(MarketPlan(5), 31337, OldTypes(5, 6_000))
    nonces = dict.fromkeys((account.address for account in traders.accounts), 0)
    types = []
    for index in range(30):
        for one in traders.signed_transactions(index, 10**9, nonces):
            tx = decode_raw(one.raw)
            body = tx.pending_json()
            assert encoded(body) == one.raw
            assert keccak(encoded(body)) == bytes.fromhex(body["hash"][2:]) == one.hash
            assert tx.sender == one.sender
            assert int(body["chainId"], 16) == 31337
            assert body["type"] == "0x0" or body["yParity"] == body["v"]
            types.append(tx.type)
    assert min(types.count(kind) for kind in (0, 1, 2)) > 20


def test_types_change_no_swap_and_are_off_by_default():
    plan = MarketPlan(5)
    usual, mixed = Traders(plan, 31337), Traders(plan, 31337, OldTypes(5, 6_000))
    nonces = dict.fromkeys((account.address for account in usual.accounts), 0)
    for index in range(5):
        assert usual.intended_swaps(index) == mixed.intended_swaps(index)
        theirs = mixed.signed_transactions(index, 10**9, nonces)
        for one, other in zip(usual.signed_transactions(index, 10**9, nonces), theirs, strict=True):
            first, second = decode_raw(one.raw), decode_raw(other.raw)
            assert first.type == 2
            assert (first.to, first.data, first.nonce) == (second.to, second.data, second.nonce)
            assert (
                first.effective_tip(10**9)
                <= second.effective_tip(10**9)
                <= 2 * first.effective_tip(10**9) + 10**9
            )
    none = Traders(plan, 31337, OldTypes(5, 0))
    assert none.signed_transactions(0, 10**9, nonces) == usual.signed_transactions(0, 10**9, nonces)


def test_a_body_from_before_eip_155_names_no_chain():
    account = ThrowawayAccount(1, "old hand")
    fields = {
        "nonce": 7,
        "gasPrice": 10**9,
        "gas": 21_000,
        "to": bytes(19) + b"\x0a",
        "value": 3,
        "data": "0xab",
    }
    raw = bytes(Account.sign_transaction(fields, account.private_key).raw_transaction)
    body = decode_raw(raw).pending_json()
    assert "chainId" not in body
    assert body["v"] in {"0x1b", "0x1c"}
    assert encoded(body) == raw
