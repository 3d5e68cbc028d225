"""Raw transactions of every type we take, against eth-account, and everything cut or bent refused."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import keccak
from bot.world.json_rpc import RpcError
from bot.world.raw_transaction import decode_raw

KEY = keccak(b"sender of the raw transaction tests")
SENDER = Account.from_key(KEY).address
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

amounts = st.integers(min_value=0, max_value=2**96)
counts = st.integers(min_value=0, max_value=2**63)
recipients = st.one_of(st.none(), st.binary(min_size=20, max_size=20))
slots = st.lists(st.binary(min_size=32, max_size=32), max_size=3)
access_lists = st.lists(st.tuples(st.binary(min_size=20, max_size=20), slots), max_size=3)


@st.composite
def transactions(draw):
    """(type, fields for eth-account)."""
    kind = draw(st.sampled_from([0, 1, 2]))
    fields = {
        "chainId": draw(st.integers(min_value=1, max_value=2**40)),
        "nonce": draw(counts),
        "gas": draw(counts),
        "value": draw(amounts),
        "data": draw(st.binary(max_size=200)),
    }
    to = draw(recipients)
    if to is not None:
        fields["to"] = to
    if kind == 2:
        fields |= {"type": 2, "maxFeePerGas": draw(amounts), "maxPriorityFeePerGas": draw(amounts)}
    else:
        fields |= {"gasPrice": draw(amounts)} | ({"type": 1} if kind == 1 else {})
    if kind:
        fields["accessList"] = [
            {"address": address, "storageKeys": ["0x" + key.hex() for key in keys]}
            for address, keys in draw(access_lists)
        ]
    return kind, fields


@given(transactions())
@settings(max_examples=200, deadline=None)
def test_decodes_what_eth_account_signs(case):
    kind, fields = case
    signed = Account.sign_transaction(fields, KEY)
    tx = decode_raw(bytes(signed.raw_transaction))
    assert (tx.type, tx.hash, "0x" + tx.sender.hex()) == (kind, bytes(signed.hash), SENDER.lower())
    assert (tx.chain_id, tx.nonce, tx.gas_limit) == (fields["chainId"], fields["nonce"], fields["gas"])
    assert (tx.value, tx.data, tx.to) == (fields["value"], fields["data"], fields.get("to"))
    cap = fields.get("maxFeePerGas", fields.get("gasPrice"))
    assert (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) == (cap, fields.get("maxPriorityFeePerGas", cap))
    listed = tuple(
        (one["address"], tuple(bytes.fromhex(key[2:]) for key in one["storageKeys"]))
        for one in fields.get("accessList", [])
    )
    assert tx.access_list == listed
    assert tx.upfront_cost == fields["gas"] * cap + fields["value"]
    body = tx.pending_json()
    assert (int(body["v"], 16), int(body["r"], 16), int(body["s"], 16)) == (signed.v, signed.r, signed.s)


@given(transactions(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_never_passes_as_the_senders(case, data):
    _, fields = case
    raw = bytearray(Account.sign_transaction(fields, KEY).raw_transaction)
    place = data.draw(st.integers(min_value=0, max_value=len(raw) - 1))
    raw[place] ^= data.draw(st.integers(min_value=1, max_value=255))
    try:
        tx = decode_raw(bytes(raw))
    except RpcError:
        return
    assert "0x" + tx.sender.hex() != SENDER.lower()


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x03\xc0", b"\x04\xc0", b"\x7f", b"\xc0", b"\x02" * 200_000])
def test_what_is_no_transaction_is_refused(raw):
    with pytest.raises(RpcError):
        decode_raw(raw)


def test_malleable_signature_is_refused():
    fields = {"type": 2, "chainId": 1, "nonce": 0, "gas": 21_000, "value": 0, "data": b"", "to": b"\x01" * 20}
    fields |= {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1, "accessList": []}
    signed = Account.sign_transaction(fields, KEY)
    low, high = (value.to_bytes(32, "big") for value in (signed.s, CURVE_ORDER - signed.s))
    raw = bytes(signed.raw_transaction)
    assert raw.count(low) == 1
    with pytest.raises(RpcError, match="malleable"):
        decode_raw(raw.replace(low, high))
