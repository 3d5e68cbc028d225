"""What a profile says of slots, forks and fees, and what it is refused for."""

import pytest

from bot.chains.load import load_profile, parse_profile
from bot.core.profile import BaseFeeRule, ForkFrom

LEAST = {
    "name": "x",
    "chain_id": 5,
    "gas_schedule": "osaka",
    "discovery": "all",
    "base_tokens": ["W"],
    "weth": "W",
    "multicall3": "0x" + "11" * 20,
    "slot": {"genesis_time": 0, "seconds": 12},
    "tokens": {"W": {"address": "0x" + "22" * 20, "decimals": 18}},
    "venues": [],
    "code_hashes": {},
}


def test_what_is_not_said_is_ethereums_own():
    profile = parse_profile(LEAST)
    assert (profile.slot.kind, profile.slot.closes_after) == ("slots", 2_500_000_000)
    assert profile.gas_schedules == (ForkFrom("osaka", 0),)
    assert (profile.fees, profile.base_fee) == ("layer-1", BaseFeeRule(2, 8, 0))


def test_a_rollups_profile():
    said = {
        "slot": {"genesis_time": 7, "seconds": 2, "kind": "observed", "closes_after_ms": 150},
        "gas_schedules": [
            {"name": "osaka", "from_timestamp": 3},
            {"name": "glamsterdam", "from_timestamp": 9},
        ],
        "fees": {"kind": "op-jovian", "elasticity": 6, "denominator": 250, "minimum_base_fee": 5_000_000},
    }
    profile = parse_profile({key: value for key, value in (LEAST | said).items() if key != "gas_schedule"})
    assert (profile.slot.kind, profile.slot.seconds, profile.slot.closes_after) == (
        "observed",
        2,
        150_000_000,
    )
    assert profile.gas_schedule == "osaka"
    assert profile.gas_schedules == (ForkFrom("osaka", 3), ForkFrom("glamsterdam", 9))
    assert (profile.fees, profile.base_fee) == ("op-jovian", BaseFeeRule(6, 250, 5_000_000))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"fees": {"kind": "op-bedrock"}}, "op-bedrock.*use one of layer-1"),
        ({"slot": {"genesis_time": 0, "seconds": 12, "kind": "epochs"}}, "epochs"),
        ({"slot": {"genesis_time": 0, "seconds": 0}}, "seconds 0"),
        ({"fees": {"elasticity": 0}}, "elasticity 0"),
    ],
)
def test_what_a_profile_is_refused_for(said, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_profile(LEAST | said)


def test_the_local_market_keeps_no_wall_clock_and_mainnet_does():
    assert load_profile("market").slot.kind == "observed"
    mainnet = load_profile("ethereum").slot
    assert (mainnet.kind, mainnet.genesis_time, mainnet.seconds) == ("slots", 1_606_824_023, 12)
    assert (1_764_798_551 - mainnet.genesis_time) % 12 == 0, "Fusaka began at a slot's start (EIP-7607)"
