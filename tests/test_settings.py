"""Settings refuse what is missing, malformed or unknown: one line each, all at once."""

import pytest

from bot.core.errors import BadConfiguration
from bot.settings import Settings, load_settings, read_environment
from bot.variables import BotVariables

OBSERVER = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:1"}
EXECUTOR = "0x00000000000000000000000000000000000000e1"
LIMITS = {
    "NOTIONAL_PER_TRADE": "100 ETH",
    "FEE_PER_GAS": "100 gwei",
    "GAS_PER_TX": "2000000 gas",
    "GAS_SPEND_PER_DAY": "0.1 ETH",
    "LOSS_PER_DAY": "0.1 ETH",
    "VALUE_IN_FLIGHT": "0.1 ETH",
    "FAILURES_IN_A_ROW": "5",
    "BALANCE_CEILING": "1 ETH",
}
LIVE = {
    **OBSERVER,
    "BOT_MODE": "live",
    "BOT_EXECUTOR": EXECUTOR,
    "BOT_PROFIT_RECIPIENT": EXECUTOR,
    "BOT_WALLETS": "main",
    "BOT_WALLET_MAIN__KEYSTORE": "/keys/main.json",
    "BOT_RELAYS": "flashbots",
    **{f"BOT_LIMIT_MAIN__{name}": value for name, value in LIMITS.items()},
}


def problems(environment: dict[str, str]) -> list[str]:
    with pytest.raises(BadConfiguration) as caught:
        load_settings(environment)
    assert caught.value.exit_code == 2
    assert all("\n" not in line for line in caught.value.problems)
    return list(caught.value.problems)


def loaded(**changes: str) -> Settings:
    return load_settings({**LIVE, **changes})


def test_an_observer_needs_three_variables() -> None:
    assert load_settings(OBSERVER).chain.chain_id == 1


def test_every_single_name_can_be_set_to_its_default() -> None:
    """Also those that begin like a family's: BOT_RELAY_TIMEOUT is of no relay."""
    given = {
        f"BOT_{name.upper()}": str(field.default)
        for name, field in BotVariables.model_fields.items()
        if isinstance(field.default, str) and field.default
    }
    assert len(given) > 25
    assert loaded(**given).variables == loaded().variables


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"BOT_BID_FLOOR": "60 %"}, "BOT_BID_FLOOR=6000"),
        ({"BOT_BID_CAP": "40 %"}, "BOT_BID_CAP=4000"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_both(changes, named) -> None:
    [problem] = problems({**LIVE, **changes})
    assert named in problem


def test_units_are_converted_exactly() -> None:
    limits = loaded().wallet_limits["main"]
    assert limits.fee_per_gas == 100 * 10**9
    assert limits.notional_per_trade == 100 * 10**18
    assert loaded(BOT_BID_SHARE="33.33 %").variables.bid_share == 3333


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_each_mandatory_limit_that_is_missing_stops_live(name: str) -> None:
    environment = {key: value for key, value in LIVE.items() if key != f"BOT_LIMIT_MAIN__{name}"}
    (line,) = problems(environment)
    assert line.startswith(f"BOT_LIMIT_MAIN__{name} is not set")


def test_all_missing_limits_are_listed_at_once() -> None:
    environment = {key: value for key, value in LIVE.items() if not key.startswith("BOT_LIMIT_")}
    assert len(problems(environment)) == len(LIMITS)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("BOT_RPC_ULR", "did you mean BOT_RPC_URL"),
        ("BOT_LIMIT_MAIN__FEE_PER_GAZ", "did you mean BOT_LIMIT_MAIN__FEE_PER_GAS"),
        ("BOT_LIMIT_MIAN__FEE_PER_GAS", "no wallet of BOT_WALLETS"),
        ("BOT_WALLET_ALT__KEYSTORE", "not listed in BOT_WALLETS"),
        ("BOT_RELAY_TITAN__URL", "not listed in BOT_RELAYS"),
        ("BOT_LIMIT_MAIN_FEE_PER_GAS", "unknown name"),
        ("BOT_EXCHANGE", "did you mean BOT_EXCHANGES"),
        ("BOT_EXCHANGE_OKX__PAIRS", "not listed in BOT_EXCHANGES"),
        ("BOT_EXCHANGE_ASSETS", "expected BOT_EXCHANGE_<NAME>__<FIELD>"),
    ],
)
def test_a_misspelt_name_is_found_out(name: str, hint: str) -> None:
    lines = problems({**LIVE, name: "1 gwei"})
    assert len(lines) == 1
    assert hint in lines[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_BID_SHARE", "0.5"),
        ("BOT_BID_SHARE", "101 %"),
        ("BOT_MIN_NET_PROFIT", "-1 ETH"),
        ("BOT_MIN_NET_PROFIT", "1e-19 ETH"),
        ("BOT_STATE_AGE", "5"),
        ("BOT_STATE_AGE", "nan s"),
        ("BOT_AUDIT_POOLS", "2.5"),
        ("BOT_LOCKSTEP", "maybe"),
        ("BOT_MODE", "Live"),
        ("BOT_CHAIN", "etherium"),
        ("BOT_EXECUTOR", "0x1234"),
        ("BOT_LIMIT_MAIN__GAS_PER_TX", "2000000"),
    ],
)
def test_a_malformed_value_is_quoted_with_its_name(name: str, value: str) -> None:
    lines = problems({**LIVE, name: value})
    assert any(line.startswith(f"{name}={value!r}") for line in lines)


def test_lockstep_is_for_the_market_alone() -> None:
    assert any("BOT_LOCKSTEP" in line for line in problems({**LIVE, "BOT_LOCKSTEP": "on"}))


def test_the_real_environment_wins_over_the_file(tmp_path) -> None:
    file = tmp_path / "bot.env"
    file.write_text('BOT_MODE=observe\nBOT_BID_SHARE="10 %"\nOTHER=1\n')
    merged = read_environment(file, {"BOT_MODE": "live", "HOME": "/"})
    assert merged == {"BOT_MODE": "live", "BOT_BID_SHARE": "10 %"}


def test_a_named_env_file_that_is_absent_is_refused(tmp_path) -> None:
    with pytest.raises(BadConfiguration, match="no such file"):
        read_environment(tmp_path / "absent.env", {})
