"""The decoder against transactions that eth_account made."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.transaction_decoder import decode_transaction

SIGNER = Account.from_key(b"\x11" * 32)
DELEGATE = "0x00000000000000000000000000000000000000A1"
WORDS = st.integers(0, 2**64 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)
ACCESS_LISTS = st.lists(
    st.tuples(ADDRESSES, st.lists(st.binary(min_size=32, max_size=32), max_size=3)), max_size=3
)


@st.composite
def transactions(draw, kind):
    prices = {"gasPrice": draw(WORDS)}
    if kind >= 2:
        tip, more = draw(WORDS), draw(WORDS)
        prices = {"maxPriorityFeePerGas": tip, "maxFeePerGas": tip + more}
    fields = {
        "chainId": draw(st.integers(1, 2**32)),
        "nonce": draw(WORDS),
        **prices,
        "gas": draw(WORDS),
        "to": draw(ADDRESSES),
        "value": draw(st.integers(0, 2**128)),
        "data": draw(st.binary(max_size=300)),
    }
    if kind >= 1:
        fields["type"] = kind
        fields["accessList"] = [
            {"address": "0x" + address.hex(), "storageKeys": ["0x" + slot.hex() for slot in slots]}
            for address, slots in draw(ACCESS_LISTS)
        ]
    if kind == 3:
        fields["maxFeePerBlobGas"] = draw(WORDS)
        fields["blobVersionedHashes"] = [b"\x01" + draw(st.binary(min_size=31, max_size=31))]
    if kind == 4:
        authorization = {"chainId": fields["chainId"], "address": DELEGATE, "nonce": draw(WORDS)}
        fields["authorizationList"] = [SIGNER.sign_authorization(authorization)]
    return fields


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_field_comes_back(kind, data):
    fields = data.draw(transactions(kind))
    signed = SIGNER.sign_transaction(fields)
    decoded = decode_transaction(bytes(signed.raw_transaction))
    assert decoded.kind == kind
    assert decoded.sender.hex() == SIGNER.address[2:].lower()
    assert decoded.hash == bytes(signed.hash)
    assert decoded.chain_id == fields["chainId"]
    assert decoded.max_priority_fee_per_gas == fields.get("maxPriorityFeePerGas", fields.get("gasPrice"))
    assert decoded.max_fee_per_gas == fields.get("maxFeePerGas", fields.get("gasPrice"))
    for ours, theirs in (
        ("nonce", "nonce"),
        ("gas_limit", "gas"),
        ("to", "to"),
        ("value", "value"),
        ("data", "data"),
    ):
        assert getattr(decoded, ours) == fields[theirs], ours
    listed = [
        (bytes.fromhex(entry["address"][2:]), tuple(bytes.fromhex(slot[2:]) for slot in entry["storageKeys"]))
        for entry in fields.get("accessList", [])
    ]
    assert list(decoded.access_list) == listed


def test_a_legacy_transaction_from_before_eip155():
    """The example of EIP-155, with the replay protection left out, signed by eth_account's own hand."""
    fields = {
        "nonce": 9,
        "gasPrice": 20 * 10**9,
        "gas": 21_000,
        "to": b"\x35" * 20,
        "value": 10**18,
        "data": b"",
    }
    signed = SIGNER.sign_transaction(fields)
    decoded = decode_transaction(bytes(signed.raw_transaction))
    assert decoded.chain_id is None
    assert decoded.sender.hex() == SIGNER.address[2:].lower()


def test_the_published_example_of_eip155():
    """EIP-155, section Example: key 0x4646…46, chain 1, nonce 9."""
    raw = bytes.fromhex(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd9"
        "39bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b"
        "297fb1966a3b6d83"
    )
    decoded = decode_transaction(raw)
    assert decoded.chain_id == 1
    assert decoded.signing_hash.hex() == "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    assert decoded.sender.hex() == Account.from_key(b"\x46" * 32).address[2:].lower()


@pytest.mark.parametrize("raw", [b"", b"\x05\xc0", b"\x02\xc0", b"\xc0", b"\x02\x80", b"\x02\xf8"])
def test_what_is_no_transaction_is_refused(raw):
    with pytest.raises(ValueError):
        decode_transaction(raw)
