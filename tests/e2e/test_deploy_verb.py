"""`bot deploy` is the deployment script: its options, its output, its exit code."""

import json

import pytest
from eth_utils import keccak
from rlp import encode

from bot.core.identity import to_checksum
from bot.world.tokens import WETH

pytestmark = pytest.mark.market
BAD_CONFIGURATION = 2
OWNER, RECIPIENT, OPERATOR = ("0x" + digit * 40 for digit in "123")


@pytest.fixture
def roles(market_upstream):
    return [
        *("--rpc", market_upstream.url),
        *("--owner", OWNER),
        *("--recipient", RECIPIENT),
        *("--weth", to_checksum(WETH.address)),
    ]


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    market_upstream, roles, household, bot_verb, ended
):
    before = await market_upstream.facts()
    child = bot_verb("deploy", *roles, "--operator", OPERATOR, "--dry-run", "--json")
    assert await ended(child, "deploy") == 0, household.said("deploy")
    report = json.loads(household.out("deploy").read_text())
    assert report["dry_run"] is True
    assert report["chain_id"] == 31337
    deployer = bytes.fromhex(report["deployer"][2:])
    assert report["address"] == to_checksum(keccak(encode([deployer, report["nonce"]]))[12:])
    assert await market_upstream.rpc("eth_getCode", report["address"], "latest") == "0x"
    assert await market_upstream.facts() == before


async def test_its_refusals_are_the_scripts(roles, household, bot_verb, ended):
    child = bot_verb("deploy", *roles, "--operator", OWNER, "--dry-run")
    assert await ended(child, "deploy") == BAD_CONFIGURATION
    [line] = household.err("deploy").read_text().splitlines()
    assert "is an --operator too" in line
