"""What `bot signer` makes of the operator's variables: the tightest limits, and the operator's own bid and tip."""

import pytest

from bot.cli import _signer_config
from bot.core.errors import BadConfiguration
from bot.core.units import BPS_WHOLE
from bot.settings import load_settings

GWEI = 10**9
ETHER = 10**18
LIMITS = {
    "NOTIONAL_PER_TRADE": "500 ETH",
    "FEE_PER_GAS": "200 gwei",
    "GAS_PER_TX": "2000000 gas",
    "GAS_SPEND_PER_DAY": "10 ETH",
    "LOSS_PER_DAY": "0.1 ETH",
    "VALUE_IN_FLIGHT": "0.2 ETH",
    "FAILURES_IN_A_ROW": "50",
    "BALANCE_CEILING": "20 ETH",
}


def config(tmp_path, **changes):
    environment = {
        "BOT_MODE": "live",
        "BOT_CHAIN": "market",
        "BOT_RPC_URL": "ws://127.0.0.1:1",
        "BOT_DATA_DIR": str(tmp_path),
        "BOT_EXECUTOR": "0x" + "11" * 20,
        "BOT_PROFIT_RECIPIENT": "0x" + "22" * 20,
        "BOT_RELAYS": "market",
        "BOT_RELAY_MARKET__URL": "http://127.0.0.1:1",
        "BOT_WALLETS": "main,alt",
    }
    for wallet in ("MAIN", "ALT"):
        environment[f"BOT_WALLET_{wallet}__KEYSTORE"] = str(tmp_path / f"{wallet}.json")
        environment |= {f"BOT_LIMIT_{wallet}__{name}": value for name, value in LIMITS.items()}
    return _signer_config(load_settings(environment | changes))


def of(wallet, found):
    (limits,) = (each.limits for each in found.wallets if each.name == wallet)
    return limits.fee_per_gas, limits.gas_per_tx, limits.gas_spend_per_day


def test_the_wallets_own_where_nothing_tightens(tmp_path):
    found = config(tmp_path)
    assert of("main", found) == of("alt", found) == (200 * GWEI, 2_000_000, 10 * ETHER)
    assert found.gas_spend_per_day is None


def test_global_and_strategy_limits_hold_here_too(tmp_path):
    found = config(
        tmp_path,
        BOT_LIMIT_GLOBAL__FEE_PER_GAS="30 gwei",
        BOT_LIMIT_GLOBAL__GAS_PER_TX="3000000 gas",
        BOT_LIMIT_GLOBAL__GAS_SPEND_PER_DAY="2 ETH",
        BOT_LIMIT_ARBITRAGE__GAS_PER_TX="700000 gas",
        BOT_LIMIT_MAIN__GAS_SPEND_PER_DAY="1 ETH",
    )
    assert of("main", found) == (30 * GWEI, 700_000, 1 * ETHER)
    assert of("alt", found) == (30 * GWEI, 700_000, 2 * ETHER)
    assert found.gas_spend_per_day == 2 * ETHER, "over both together"


def test_bid_and_tip_are_the_operators(tmp_path):
    fixed = {"BOT_BID_SHARE": "70 %", "BOT_BID_CAP": "80 %", "BOT_PRIORITY_FEE": "2 gwei"}
    found = config(tmp_path, BOT_BID_LEARNS="off", **fixed)
    assert found.payment_share == 7_000 < BPS_WHOLE
    assert found.priority_fee_cap == 2 * GWEI
    assert config(tmp_path).priority_fee_cap == 0
    assert config(tmp_path, **fixed).payment_share == 8_000, "what is learned goes up to its cap"


def test_where_bids_are_tips_they_go_up_to_the_fee_limit(tmp_path):
    found = config(tmp_path, BOT_RELAYS="market,flashbots-protect")
    assert found.priority_fee_cap == 200 * GWEI


def test_a_mode_that_signs_nothing(tmp_path):
    with pytest.raises(BadConfiguration, match="signs nothing"):
        config(tmp_path, BOT_MODE="simulate")
