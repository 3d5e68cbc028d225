import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.risk.limits import LIMIT_PARSERS, Tightening, WalletLimits, tightest, wallet_limits

NAMES = WalletLimits.__struct_fields__
AMOUNTS = st.integers(0, 2**100)
FULL = {name: 10**20 + index for index, name in enumerate(NAMES)}


def test_the_eight_mandatory_limits_of_the_design():
    assert set(NAMES) == {
        "notional_per_trade",
        "fee_per_gas",
        "gas_per_tx",
        "gas_spend_per_day",
        "loss_per_day",
        "value_in_flight",
        "failures_in_a_row",
        "balance_ceiling",
    }
    assert set(LIMIT_PARSERS) == set(NAMES) == set(Tightening.__struct_fields__)


@given(
    st.builds(WalletLimits, *[AMOUNTS] * 8),
    st.lists(st.builds(Tightening, *[st.none() | AMOUNTS] * 8), max_size=3),
)
def test_tightest_never_raises_and_honours_each(limits, tightenings):
    result = msgspec.structs.asdict(tightest(limits, *tightenings))
    for name in NAMES:
        given_values = [getattr(limits, name), *(getattr(each, name) for each in tightenings)]
        assert result[name] == min(value for value in given_values if value is not None)


def test_values_beyond_64_bits_survive():
    assert msgspec.structs.asdict(wallet_limits({"main": FULL})["main"]) == FULL


def test_all_that_is_missing_is_said_at_once():
    with pytest.raises(BadConfiguration) as refused:
        wallet_limits({"main": {}, "alt": {name: 1 for name in NAMES if name != "loss_per_day"}})
    assert len(refused.value.problems) == 9
    for name in NAMES:
        assert any(line.startswith(f"BOT_LIMIT_MAIN__{name.upper()} ") for line in refused.value.problems)
    assert any(line.startswith("BOT_LIMIT_ALT__LOSS_PER_DAY ") for line in refused.value.problems)


@pytest.mark.parametrize("change", [{"loss_per_day": -1}, {"loss_per_dya": 1}])
def test_negative_and_unknown_limits_are_refused_by_name(change):
    with pytest.raises(BadConfiguration) as refused:
        wallet_limits({"main": FULL | change})
    assert [line.split()[0] for line in refused.value.problems] == [
        f"BOT_LIMIT_MAIN__{next(iter(change)).upper()}"
    ]
