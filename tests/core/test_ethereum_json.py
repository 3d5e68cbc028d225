"""JSON forms of the `eth` namespace: the good ones decode, and whatever lacks a field or bends one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.ethereum_json import (
    MalformedAnswer,
    decode_bloom,
    decode_data,
    decode_head,
    decode_head_or_none,
    decode_log,
    decode_logs_of,
    decode_logs_of_receipts,
    decode_quantity,
    decode_receipt_or_none,
    decode_receipts_of,
    decode_transactions,
    decode_withdrawn,
    decoded,
)
from bot.core.result import Ok, Reverted, Unknown

HASH, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32
HEADER = {
    "number": "0x10",
    "hash": HASH,
    "parentHash": OTHER,
    "timestamp": "0x6",
    "baseFeePerGas": "0x7",
    "gasUsed": "0x0",
    "gasLimit": "0x1c9c380",
    "miner": "0x" + "11" * 20,
}
LOG = {
    "address": "0x" + "22" * 20,
    "topics": [OTHER],
    "data": "0x0102",
    "blockHash": HASH,
    "transactionHash": OTHER,
    "logIndex": "0x3",
    "removed": False,
}
RECEIPT = {
    "transactionHash": OTHER,
    "blockNumber": "0x10",
    "blockHash": HASH,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x9",
    "logs": [LOG],
}
TRANSACTION = {
    "hash": OTHER,
    "from": "0x" + "33" * 20,
    "to": None,
    "nonce": "0x4",
    "transactionIndex": "0x0",
    "value": "0x5",
    "input": "0x0102",
}


def test_the_good_forms_decode():
    head = decode_head(HEADER)
    assert (head.number, head.timestamp, head.base_fee, head.gas_limit) == (16, 6, 7, 30_000_000)
    log = decode_log(LOG)
    assert (log.topics, log.data, log.log_index) == ((bytes.fromhex("cd" * 32),), b"\x01\x02", 3)
    receipt = decode_receipt_or_none(RECEIPT)
    assert (receipt.succeeded, receipt.gas_used, receipt.effective_gas_price) == (True, 21_000, 9)
    assert receipt.logs == (log,)
    [mined] = decode_transactions({"transactions": [TRANSACTION]})
    assert (mined.to, mined.nonce, mined.index, mined.value, mined.input_size) == (None, 4, 0, 5, 2)
    assert decode_head_or_none(None) is decode_receipt_or_none(None) is None


BENT = [None, "", "0x", 7, "0xzz", "16", [], "0x" + "11" * 33]


@pytest.mark.parametrize(
    ("decode", "good", "optional"),
    [
        (decode_head, HEADER, ()),
        (decode_log, LOG, ("blockHash", "removed")),
        (decode_receipt_or_none, RECEIPT, ()),
        (lambda value: decode_transactions({"transactions": [value]}), TRANSACTION, ("to",)),
    ],
    ids=["head", "log", "receipt", "transaction"],
)
def test_a_field_missing_or_bent_is_malformed_and_never_a_zero(decode, good, optional):
    tried = 0
    for field in good.keys() - set(optional):
        without = {name: value for name, value in good.items() if name != field}
        for bent in [without, *(good | {field: value} for value in BENT)]:
            if bent.get(field) in ("0x", "0x" + "11" * 33) and field == "data":
                continue  # empty and long data are data
            if bent.get(field) in ("0x", "0x" + "11" * 33) and field == "input":
                continue
            if bent.get(field) == [] and field in ("topics", "logs"):
                continue
            with pytest.raises(MalformedAnswer):
                decode(bent)
            tried += 1
    assert tried > 20
    decode(good)


@pytest.mark.parametrize(
    "value", ["0x_1", "0x 1", "0x-1", "+0x1", "1", "0x" + "1" * 65, "0x١", 1, True, None]
)
def test_what_python_would_read_as_a_number_and_json_rpc_does_not(value):
    with pytest.raises(MalformedAnswer):
        decode_quantity(value)


@pytest.mark.parametrize("value", ["0x1", "0x 1122", "0x11 22", "1122", "0X1122", b"0x11", None])
def test_what_python_would_read_as_bytes_and_json_rpc_does_not(value):
    with pytest.raises(MalformedAnswer):
        decode_data(value)


@given(st.integers(0, 2**256 - 1), st.binary(max_size=64))
def test_quantities_and_data_come_back(number, data):
    assert decode_quantity(hex(number)) == number
    assert decode_data("0x" + data.hex()) == data
    assert decode_data("0x" + data.hex().upper(), len(data)) == data


def test_logs_of_another_block_removed_or_out_of_order_are_refused():
    decode = decode_logs_of(bytes.fromhex("ab" * 32))
    later = LOG | {"logIndex": "0x4"}
    assert len(decode([LOG, later])) == 2
    assert len(decode([LOG | {"blockHash": "0x" + "AB" * 32}])) == 1
    for bad in (
        [LOG | {"blockHash": OTHER}],
        [LOG | {"blockHash": None}],
        [LOG | {"removed": True}],
        [later, LOG],
        [LOG, LOG],
        None,
        {},
    ):
        with pytest.raises(MalformedAnswer):
            decode(bad)


def test_logs_of_receipts_are_those_of_eth_get_logs():
    block = bytes.fromhex("ab" * 32)
    later = LOG | {"logIndex": "0x4"}
    assert decode_logs_of_receipts(block)(
        [{"logs": [LOG]}, {"logs": []}, {"logs": [later]}]
    ) == decode_logs_of(block)([LOG, later])
    with pytest.raises(MalformedAnswer):
        decode_logs_of_receipts(block)(None)


def test_bloom_is_256_bytes_or_absent():
    assert decode_bloom(HEADER) is None
    assert decode_bloom(HEADER | {"logsBloom": "0x" + "00" * 256}) == bytes(256)
    with pytest.raises(MalformedAnswer):
        decode_bloom(HEADER | {"logsBloom": "0x00"})


def test_only_ok_is_decoded_and_a_malformed_ok_is_unknown():
    assert decoded(Ok("0x5"), decode_quantity, "eth_x") == Ok(5)
    assert decoded(Reverted("no"), decode_quantity, "eth_x") == Reverted("no")
    assert decoded(Unknown("late"), decode_quantity, "eth_x") == Unknown("late")
    assert decoded(Ok(None), decode_quantity, "eth_x") == Unknown("eth_x: None is not a quantity")


def test_who_built_a_block_is_read_where_its_header_says_so():
    assert decode_head(HEADER).extra_data == b""
    assert decode_head(HEADER | {"extraData": "0x546974616e"}).extra_data == b"Titan"
    with pytest.raises(MalformedAnswer):
        decode_head(HEADER | {"extraData": None})


ISTHMUS = {"l1Fee": "0x64", "operatorFeeScalar": hex(3_000_000), "operatorFeeConstant": "0x7"}


@pytest.mark.parametrize(
    ("fields", "fee"),
    [
        ({}, 0),
        ({"l1Fee": None}, 0),
        ({"l1Fee": "0x64"}, 100),
        (ISTHMUS, 100 + 21_000 * 3 + 7),
        (ISTHMUS | {"operatorFeeScalar": "0x1"}, 100 + 0 + 7),
        (ISTHMUS | {"operatorFeeScalar": "0x3", "daFootprintGasScalar": "0x190"}, 100 + 21_000 * 300 + 7),
    ],
    ids=["layer 1", "a deposit", "ecotone", "isthmus", "rounded down", "jovian"],
)
def test_a_rollups_fee_beside_gas(fields, fee):
    assert decode_receipt_or_none(RECEIPT | fields).l1_fee == fee


def test_receipts_of_another_block_are_refused():
    decode = decode_receipts_of(bytes.fromhex("ab" * 32))
    assert len(decode([RECEIPT, RECEIPT])) == 2
    with pytest.raises(MalformedAnswer):
        decode([RECEIPT, RECEIPT | {"blockHash": OTHER}])


def test_withdrawals_to_one_address_are_gwei():
    ours, other = "0x" + "11" * 20, "0x" + "12" * 20
    block = {"withdrawals": [{"address": a, "amount": "0x3"} for a in (ours, other, ours)]}
    assert decode_withdrawn(bytes.fromhex("11" * 20))(block) == 6 * 10**9
    assert decode_withdrawn(bytes.fromhex("11" * 20))({}) == 0
    for bad in ({"withdrawals": [{"address": ours}]}, {"withdrawals": {}}, None):
        with pytest.raises(MalformedAnswer):
            decode_withdrawn(bytes(20))(bad)
