"""Two byte strings of one meaning do not exist: what is read is all there is."""

import random

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import WETH, execute_calldata
from signer_stage import Desk, sample_transaction

from bot.core.signer_protocol import Refused, Signed
from bot.core.transaction import decode_signed
from bot.protocols import executor
from bot.signer import decode
from bot.signer.decode import decode_execute, decode_transaction

TYPES = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
words = st.integers(0, 2**256 - 1)
amounts = st.integers(0, 2**128 - 1)
hops = st.tuples(st.binary(min_size=20, max_size=20), st.booleans(), st.booleans(), amounts)
cycles = st.tuples(amounts, st.lists(hops, min_size=2, max_size=4))
calls = st.tuples(
    st.lists(cycles, min_size=1, max_size=8), st.binary(min_size=20, max_size=20), words, words, words, words
)


def of_eth_abi(call):
    rows = []
    for amount, each in call[0]:
        for place, (pool, way, is_v3, out) in enumerate(each):
            flags = way | is_v3 << 1 | (place == len(each) - 1) << 2
            rows.append((int.from_bytes(pool) | flags << 160, out | (0 if place else amount) << 128))
    return of_rows(rows, call[1:])


def of_rows(rows, rest):
    return decode.EXECUTE_SELECTOR + encode(TYPES, [rows, "0x" + rest[0].hex(), *rest[1:]])


def as_tuple(decoded):
    return (
        [
            (c.amount_in, [(h.pool, h.zero_for_one, h.is_concentrated, h.amount_out) for h in c.hops])
            for c in decoded.cycles
        ],
        decoded.base_token,
        decoded.min_profit,
        decoded.payment,
        decoded.first_block,
        decoded.last_block,
    )


@given(calls)
@settings(max_examples=150, deadline=None)
def test_what_eth_abi_encodes_is_read_back(call):
    assert as_tuple(decode_execute(of_eth_abi(call))) == call


@given(calls, st.data())
@settings(max_examples=300, deadline=None)
def test_changed_calldata_is_refused_or_means_something_else(call, data):
    encoded = bytearray(of_eth_abi(call))
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    try:
        decoded = decode_execute(bytes(encoded))
    except ValueError:
        return
    assert as_tuple(decoded) != call


LAST = 1 << 162
HOP, END = (1 << 160 | 0x11, 5), (1 << 161 | LAST | 0x22, 6)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "0 hops"),
        ([END], "1 hops"),
        ([HOP, HOP], "2 hops and none of them the last"),
        ([HOP, END, HOP], "1 hops and none of them the last"),
        ([HOP, END, END], "a cycle of one hop"),
        ([HOP] * 4 + [END], "4 hops and none of them the last"),
        ([HOP, END] * 9, "9 cycles"),
        ([HOP, END] * 17, "34 hops"),
        ([(HOP[0] | 1 << 163, 5), END], "flags 0x9"),
        ([(HOP[0] | 1 << 255, 5), END], "flags 0x8"),
        ([HOP, (END[0], 6 | 1 << 128)], "hop 1 brings 1"),
    ],
)
def test_rows_that_no_cycle_is_written_as(rows, said):
    rest = (bytes(20), 1, 2, 3, 4)
    assert decode_execute(of_rows([HOP, END], rest)).cycles[0].hops[1].is_concentrated
    with pytest.raises(ValueError, match=said):
        decode_execute(of_rows(rows, rest))


def test_selector_and_shape_are_those_of_the_encoder_it_judges():
    assert decode.EXECUTE_SELECTOR == executor.EXECUTE_SELECTOR
    assert (decode.MAX_CYCLES, decode.MAX_HOPS) == (executor.MAX_CYCLES, executor.MAX_HOPS)


@pytest.mark.parametrize("cut", [0, 3, 4, 5, 35, 36, 196, 300])
def test_cut_calldata(cut):
    with pytest.raises(ValueError):
        decode_execute(execute_calldata()[:cut])


def test_random_flips_of_an_unsigned_payload_never_get_another_signature(tmp_path):
    """Every single bit: refused, or signed exactly as the flipped bytes say, within the policy."""
    fields = sample_transaction()
    payload = fields.unsigned_payload()
    outcomes = {"refused": 0, "signed": 0}
    desk = Desk(tmp_path)
    positions = random.Random(5).sample(range(8 * len(payload)), min(8 * len(payload), 1500))
    for bit in positions:
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        reply = desk.sign_bytes(bytes(flipped))
        if isinstance(reply, Refused):
            outcomes["refused"] += 1
            continue
        assert isinstance(reply, Signed)
        outcomes["signed"] += 1
        signed, *_ = decode_signed(reply.raw)
        assert signed != fields
        assert signed.unsigned_payload() == bytes(flipped)
        wanted = (fields.chain_id, fields.nonce, fields.to, fields.value)
        assert (signed.chain_id, signed.nonce, signed.to, signed.value) == wanted
        assert signed.max_fee_per_gas <= 20 * 10**9
        assert signed.gas_limit <= 300_000
        changed = decode_execute(signed.data)
        assert (
            changed.gross_gain - changed.payment
            == changed.min_profit
            >= signed.gas_limit * signed.max_fee_per_gas
        )
        assert changed.base_token == WETH
        assert 101 <= changed.first_block <= 164
        assert 1 <= changed.last_block - changed.first_block + 1 <= 8
        assert as_tuple(changed) != as_tuple(decode_execute(fields.data)) or signed.data == fields.data
    print(outcomes)
    assert outcomes["refused"] > 300
    assert outcomes["signed"] > 100


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_by_a_value_error(junk):
    for form in (junk, b"\x02" + junk):
        try:
            fields = decode_transaction(form)
        except ValueError:
            continue
        assert fields.unsigned_payload() == form


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01" + sample_transaction().unsigned_payload()[1:],
        sample_transaction().unsigned_payload() + b"\0",
        sample_transaction().unsigned_payload()[1:],
        sample_transaction().digest(),
        b"\x02\xc0",
        b"\x02\xf8\x00",
    ],
)
def test_foreign_encodings(payload):
    """A raw hash is one of them: there is no way to have one signed."""
    with pytest.raises(ValueError):
        decode_transaction(payload)
