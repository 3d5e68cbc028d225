"""Terms add up, the worst case is one, and what was predicted plus the error is what came, term by term."""

from hypothesis import given
from hypothesis import strategies as st

from bot.core.cost_terms import CostTerms
from bot.core.units import Bps
from bot.costs.cost_model import CostError, CostModel, cost_error
from bot.costs.gas_schedule import OSAKA
from bot.costs.rollup_fee import ArbitrumFee, OpStackFee
from tests.costs.op_stack_vectors import CONTRACT_CALL

GAS, PRICE, WEI = st.integers(0, 1 << 24), st.integers(0, 10**13), st.integers(0, 10**24)
TERMS = st.builds(CostTerms, GAS, PRICE, PRICE, WEI, WEI, WEI)
FORKS = st.sampled_from(["op-ecotone", "op-fjord", "op-isthmus", "op-jovian"])
U32 = st.integers(0, 2**32 - 1)
OP_STACK = st.builds(OpStackFee, FORKS, PRICE, PRICE, U32, U32, U32, st.integers(0, 2**64 - 1))
ROLLUPS = st.one_of(st.none(), OP_STACK, st.builds(ArbitrumFee, GAS))
RAW = st.binary(min_size=1, max_size=400)


@given(TERMS, TERMS)
def test_predicted_and_error_make_the_actual_term_by_term(predicted, actual):
    error = cost_error(predicted, actual)
    for term in CostError.__struct_fields__:
        assert getattr(predicted, term) + getattr(error, term) == getattr(actual, term), term
    assert error.total == error.gas_cost + error.l1_fee + error.flash_fee + error.payment


@given(TERMS)
def test_no_error_is_zero_in_every_term(terms):
    assert cost_error(terms, terms) == CostError(0, 0, 0, 0, 0, 0, 0, 0)


@given(ROLLUPS, GAS, PRICE, PRICE, WEI, RAW, WEI)
def test_each_term_is_what_the_chain_takes(rollup, gas, base_fee, tip, payment, raw, flash_fee):
    terms = CostModel(OSAKA, rollup).predicted(gas, base_fee, tip, payment, raw, flash_fee)
    assert terms.gas_cost == gas * (base_fee + tip)
    assert (terms.payment, terms.flash_fee) == (payment, flash_fee)
    assert terms.l1_fee == (0 if rollup is None else rollup.data_fee(raw) + rollup.operator_fee(gas))
    assert terms.total == terms.gas_cost + terms.l1_fee + flash_fee + payment


@given(ROLLUPS, GAS, GAS, PRICE, PRICE, PRICE, RAW)
def test_no_execution_within_its_limits_costs_the_wallet_more_than_the_worst(
    rollup, gas, more, base_fee, tip, room, raw
):
    model = CostModel(OSAKA, rollup)
    found = model.predicted(gas, base_fee, tip, 0, raw)
    for known in (raw, len(raw)):
        assert found.total <= model.worst(gas + more, base_fee + tip + room, known)


@given(st.integers(0, 10_000), st.integers(0, 10_000), PRICE)
def test_the_margin_covers_two_full_blocks_of_layer_1(first, second, price):
    """At most an eighth a block, as EIP-1559 has it."""
    risen = price * (80_000 + first) * (80_000 + second) // 80_000**2
    before, after = (OpStackFee("op-fjord", at, 0, 5_227, 0) for at in (price, risen))
    assert after.data_fee(CONTRACT_CALL) <= CostModel(OSAKA, before).worst(0, 0, CONTRACT_CALL) + 1


def test_the_operator_fee_is_of_the_gas_used_and_at_worst_of_the_limit():
    model = CostModel(OSAKA, OpStackFee("op-isthmus", 10**9, 1, 5_227, 1_014_213, 2_000_000, 11))
    data = model.predicted(0, 7, 0, 0, CONTRACT_CALL).l1_fee - 11
    assert data > 0
    assert model.predicted(500, 7, 0, 0, CONTRACT_CALL).l1_fee == data + 1_011
    assert model.worst(900, 0, CONTRACT_CALL) == -(-data * 127 // 100) + 1_811


def test_without_a_margin_the_data_fee_stands_as_it_is():
    fee = OpStackFee("op-jovian", 10**9, 1, 5_227, 1_014_213, 7, 11)
    model = CostModel(OSAKA, fee, Bps(0))
    assert model.worst(10, 3, CONTRACT_CALL) == 30 + fee.data_fee(CONTRACT_CALL) + 10 * 7 * 100 + 11
