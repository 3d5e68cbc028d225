"""Tokens that cheat, each in its own way, against the guard: on a real anvil, in real V2 and V3 pools."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from bot.state.token_safety import Unsafe
from tests.chain.token_stage import TRICKS, TokenStage, no_progress

KINDS = {
    "FEE_ON_TRANSFER": "fee on transfer",
    "FEE_ON_PURCHASE": "fee on purchase",
    "FEE_ON_SALE": "fee on sale",
    "FEE_BETWEEN_POOLS": "fee between pools",
    "FEE_ON_TOP": "fee on top",
    "FEE_TOMORROW": "fee on sale",
    "GROWS": "rebasing",
    "GROWS_WHEN_CALLED": "rebasing",
    "REFUSES_RECEIVER": "receiver refused",
    "REFUSES_SENDER": "sender refused",
    "REFUSES_ORIGIN": "buyer refused",
    "NO_SALES": "cannot be sold",
    "SMALL_SALES_ONLY": "cannot be sold",
    "NO_SALES_TOMORROW": "cannot be sold",
    "SALES_TOMORROW": "cannot be sold",
    "ANSWERS_FALSE": "cannot be bought",
    "ANSWERS_FALSE_AND_MOVES": "cannot be bought",
    "REVERTS": "cannot be bought",
    "LIES_TO_HOLDERS": "balance lies",
    "LIES_OF_ALL": "balance lies",
    "BURNS_GAS": "cannot be bought",
}
DEEPEST = ("v2", "v3")
OTHERWISE = {("LIES_OF_ALL", "v2"): "cannot be bought"}
"""The pair believes the lie, and finds that it was paid out of."""


async def find_verdicts(cache):
    with tempfile.TemporaryDirectory(prefix="tokens-") as folder:
        stage = await TokenStage.open(Path(folder), cache)
        try:
            wanted = [(18, trick) for trick in TRICKS for _ in DEEPEST]
            tokens = await stage.tricksters([*wanted, (18, None), (8, None), (6, None)])
            names = [f"{trick} {where}" for trick in TRICKS for where in DEEPEST] + ["18", "8", "6"]
            named = dict(zip(names, tokens, strict=True))
            for name, token in named.items():
                where = "v3" if name.endswith("v3") else "v2"
                await stage.open_pools(token, int(name) if name.isdigit() else 18, deepest=where)
            await stage.mine()
            guard = stage.guard()
            table = await stage.table()
            head = await stage.head()
            await guard.admit(table, head, no_progress)
            checked = {one.token: one.verdict for one in guard.book.checked}
            market = {
                priced.token.symbol: checked.get(priced.token.address) for priced in stage.chain.plan.tokens
            }
            barred = {
                (pool.token0, pool.token1): table.why_barred(index) for index, pool in enumerate(table.pools)
            }
            return {name: checked[token] for name, token in named.items()}, market, named, barred
        finally:
            await stage.close()


@pytest.fixture(scope="session")
def token_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("token-market")


@pytest.fixture(scope="module")
def found(token_cache):
    return asyncio.run(find_verdicts(token_cache))


@pytest.mark.parametrize("where", DEEPEST)
@pytest.mark.parametrize("trick", KINDS)
def test_each_trick_is_caught_and_named(found, trick, where):
    verdict = found[0][f"{trick} {where}"]
    assert isinstance(verdict, Unsafe), verdict
    assert verdict.kind == OTHERWISE.get((trick, where), KINDS[trick]), verdict
