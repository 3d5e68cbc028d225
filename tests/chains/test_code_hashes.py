"""The code hashes of the shipped profiles: mainnet's as mainnet's blocks record them, the market's as it is built."""

import gzip
import json
from collections import defaultdict

import pytest

from bot.chains.load import load_profile, parse_profile, profile_names
from bot.core.identity import from_hex, keccak, to_checksum
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.market_plan import MarketPlan


def read_json(path):
    with gzip.open(path, "rt") as file:
        return json.load(file)


def test_mainnets_are_those_its_blocks_record(ground_truth):
    """Every hash the profile states: the account had that code, and that code has that hash."""
    recorded = ground_truth("mainnet_blocks")
    codes = read_json(recorded / "codes.json.gz")
    expected = {
        "0x" + address.hex(): digest for address, digest in load_profile("ethereum").code_hashes.items()
    }
    found = defaultdict(set)
    for block in sorted((recorded / "blocks").iterdir()):
        accounts = read_json(block / "pre_state.json.gz")
        for address in expected.keys() & accounts.keys():
            found[address].add(accounts[address]["code_hash"])
            ground_truth.count(1)
    assert found.keys() == expected.keys()
    assert len(expected) == 13, "twelve tokens and the Uniswap V2 factory"
    for address, digests in found.items():
        [digest] = digests
        assert from_hex(digest) == keccak(from_hex(codes[digest])) == expected[address], address


@pytest.mark.parametrize("seed", [1, 77])
async def test_the_markets_are_those_of_a_market_just_built(seed, tmp_path):
    profile = load_profile("market")
    config = AnvilConfig(log_path=tmp_path / "anvil.log")
    chain = await open_chain(MarketPlan(seed, 6, 4), GenesisConfig(), config, tmp_path)
    try:
        built = await chain.code_hashes()
    finally:
        await chain.anvil.stop()
    factories = {venue.factory for venue in profile.venues}
    assert profile.code_hashes.keys() == {profile.weth.address, profile.multicall3, *factories}
    assert {address: built[address] for address in profile.code_hashes} == profile.code_hashes


def test_the_markets_uniswap_factory_is_mainnets_own_code():
    market, ethereum = load_profile("market"), load_profile("ethereum")
    factory = ethereum.venues[0].factory
    assert market.code_hashes[factory] == ethereum.code_hashes[factory]


def test_every_profile_reads_and_names_its_own():
    assert profile_names() == ("ethereum", "market")
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.weth in profile.base_tokens
        assert set(profile.base_tokens) <= set(profile.tokens)
        assert len({to_checksum(token.address) for token in profile.tokens}) == len(profile.tokens)
    assert load_profile("market").is_throwaway
    assert not load_profile("ethereum").is_throwaway


def test_a_name_that_is_none_of_the_profiles():
    with pytest.raises(KeyError):
        load_profile("../chains/market")


def test_a_hash_of_something_the_profile_does_not_name():
    raw = {
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
        "code_hashes": {"V": "0x" + "33" * 32},
    }
    with pytest.raises(KeyError):
        parse_profile(raw)
    assert parse_profile(raw | {"code_hashes": {"multicall3": "0x" + "33" * 32}}).code_hashes


def test_who_deploys_the_pools_of_a_venue():
    """The factory, but where a venue names a deployer; only V3 venues have tiers."""
    for name in profile_names():
        for venue in load_profile(name).venues:
            assert (venue.deployer == venue.factory) == (venue.protocol != "pancakeswap_v3")
            assert bool(venue.fee_tiers) == (venue.protocol != "uniswap_v2")
            assert all(0 < fee < 1_000_000 and spacing > 0 for fee, spacing in venue.fee_tiers)
            assert venue.fee_denominator == (1_000_000 if venue.fee_tiers else 1_000)
