"""A pool with a gap that cannot be resisted, of a token whose balances move by themselves: nobody is sent into it."""

import json

import pytest
from eth_abi import encode

from bot.core.identity import from_hex, hex_bytes, to_checksum
from bot.world.accounts import FOUNDER, POOL_SEEDER
from bot.world.tokens import WETH
from bot.world.venues import PANCAKESWAP_V1, UNISWAP_V2, pair_address
from tests.chain.token_stage import TRICKS, build_tokens, calldata, creation_code

pytestmark = [pytest.mark.market, pytest.mark.slow]
ETHER = 10**18
TOKENS = {UNISWAP_V2: 200_000 * ETHER, PANCAKESWAP_V1: 100_000 * ETHER}
"""Against 100 WETH: half the price on one venue."""


async def open_tempting_pools(upstream):
    """The token, and the checksummed addresses of its two pairs."""
    build_tokens()
    founder, seeder = to_checksum(FOUNDER), to_checksum(POOL_SEEDER)
    creation = creation_code("TricksterToken") + encode(
        ["uint8", "uint256"], [18, 1 << TRICKS.index("GROWS")]
    )
    await upstream.rpc("anvil_impersonateAccount", founder)
    fields = {"from": founder, "data": hex_bytes(creation), "gas": hex(10_000_000)}
    deployed = await upstream.rpc("eth_sendTransaction", fields)
    await upstream.mine()
    token = from_hex((await upstream.rpc("eth_getTransactionReceipt", deployed))["contractAddress"])
    first, second = sorted((token, WETH.address))
    pairs = set()
    for venue, amount in TOKENS.items():
        reserves = (amount, 100 * ETHER) if first == token else (100 * ETHER, amount)
        opening = calldata(
            "open_pair(address,address,address,uint256,uint256)", venue.factory, first, second, *reserves
        )
        sent = await upstream.send(founder, seeder, opening)
        await upstream.mine()
        assert (await upstream.rpc("eth_getTransactionReceipt", sent))["status"] == "0x1"
        pairs.add(to_checksum(pair_address(venue, first, second)))
    return to_checksum(token), pairs


@pytest.mark.parametrize("is_allowed", [False, True])
async def test_the_gap_of_a_hostile_token_is_left_alone_unless_it_was_allowed(
    is_allowed, market_upstream, household, bot_verb, ended, told
):
    token, tempting = await open_tempting_pools(market_upstream)
    await market_upstream.open_gap(market_upstream.weth_pairs[0])
    options = (
        "--rpc",
        market_upstream.url,
        "--profile",
        "market",
        "--blocks",
        "3",
        "--pace",
        "0.3 s",
        "--plain",
    )
    allowing = {"BOT_TOKENS_ALLOWED": token} if is_allowed else {}
    child = bot_verb("fork", *options, "--report", "report.json", environment=allowing)
    assert await ended(child, "fork") == 0, household.said("fork")
    report = json.loads((household.folder / "report.json").read_text())
    used = {pool for bundle in report["bundles"] for pool in bundle["pools"]}
    assert used - tempting, "honest gaps are closed in either case"
    said, verdicts = household.said("fork"), told("status")["tokens"]
    if is_allowed:
        assert used & tempting, "the gap is worth taking"
        assert report["landed"] > 0
        assert verdicts["barred"] == []
        return
    assert not used & tempting
    [barred] = verdicts["barred"]
    assert (barred["token"], barred["reason"].split(":")[0]) == (token, "rebasing")
    assert verdicts["safe"] > 5
    assert "2 of " in said
    assert f"pools barred: {token} rebasing: a balance moved by itself in a day" in said
