"""Tokens that cheat, each in its own way, against the guard: on a real anvil, in real V2 and V3 pools."""

import asyncio
import re
import tempfile
from pathlib import Path

import pytest

from bot.core.identity import to_checksum
from bot.state.token_verdicts import Safe, Unsafe
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
    "FEE_WITH_GAS_PRICE": "fee on purchase",
    "FEE_WITH_COINBASE": "fee on purchase",
    "FEE_FROM_OTHERS": "fee on purchase",
    "FEE_ON_MUCH": "fee on purchase",
    "FEE_IN_100_BLOCKS": "fee on sale",
}
DEEPEST = ("v2", "v3")
OTHERWISE = {("LIES_OF_ALL", "v2"): "cannot be bought"}
"""The pair believes the lie, and finds that it was paid out of."""


WORDS = {
    "FEE_TOMORROW": "sent to a pool",
    "GROWS": "a balance moved by itself in a day",
    "GROWS_WHEN_CALLED": "a balance moved on a stranger's call",
    "NO_SALES": "selling 2 % of it reverts: no sales",
    "SMALL_SALES_ONLY": "selling half of it reverts, where 2 % went through: too much",
    "NO_SALES_TOMORROW": "selling it a day later reverts, where it went through at once: closed for the day",
    "SALES_TOMORROW": "selling 2 % of it reverts: not open yet",
}
"""Where several tricks are of one kind, what tells them apart."""
FEE = 100  # bps, of every trick that takes one
HONEST = (18, 8, 6, 2)


class Found:
    """One market with every trick in it twice, admitted whole."""

    def __init__(self, stage, guard, table, named):
        self.named = named
        self.asked = stage.asked
        self.symbols = {priced.token.symbol: priced.token.address for priced in stage.chain.plan.tokens}
        self.verdicts = {one.token: one.verdict for one in guard.book.checked}
        self.table = table
        self.saved = stage.saved


async def find_verdicts(cache):
    with tempfile.TemporaryDirectory(prefix="tokens-") as folder:
        stage = await TokenStage.open(Path(folder), cache)
        try:
            tricks = [(trick, where) for trick in TRICKS for where in DEEPEST]
            wanted = [(18, trick) for trick, _ in tricks] + [(decimals, None) for decimals in HONEST]
            named = dict(zip([*tricks, *HONEST], await stage.tricksters(wanted), strict=True))
            for trick, where in tricks:
                await stage.open_pools(named[trick, where], deepest=where)
            for decimals in HONEST:
                await stage.open_pools(named[decimals], decimals)
            await stage.mine()
            table, guard = await stage.table(), stage.guard()
            await guard.admit(table, await stage.head(), no_progress)
            return Found(stage, guard, table, named)
        finally:
            await stage.close()


@pytest.fixture(scope="module")
def found(token_cache):
    return asyncio.run(find_verdicts(token_cache))


@pytest.mark.parametrize("where", DEEPEST)
@pytest.mark.parametrize("trick", KINDS)
def test_each_trick_is_caught_and_named(found, trick, where):
    verdict = found.verdicts[found.named[trick, where]]
    assert isinstance(verdict, Unsafe), verdict
    assert verdict.kind == OTHERWISE.get((trick, where), KINDS[trick]), verdict
    assert WORDS.get(trick, "") in verdict.reason


@pytest.mark.parametrize("where", DEEPEST)
@pytest.mark.parametrize("trick", [trick for trick in KINDS if trick.startswith("FEE")])
def test_a_fee_is_told_by_its_numbers(found, trick, where):
    verdict = found.verdicts[found.named[trick, where]]
    sent, arrived = (int(number) for number in re.findall(r"\d{3,}", verdict.reason))
    assert arrived == sent + sent // FEE if trick == "FEE_ON_TOP" else arrived == sent - sent * FEE // 10_000


def test_honest_tokens_are_safe_and_trusted_ones_are_not_asked_for(found):
    for decimals in HONEST:
        assert found.verdicts[found.named[decimals]] == Safe()
    for symbol in ("USDC", "USDT", "DAI", "WBTC"):  # 6, 18 and 8 decimals; USDT returns nothing
        assert found.verdicts[found.symbols[symbol]] == Safe()
    assert found.symbols["WETH"] not in found.verdicts
    assert found.asked == len(found.verdicts) == len(found.named) + len(found.symbols) - 1
    [saved] = found.saved
    assert {one.token: one.verdict for one in saved} == found.verdicts


def test_the_pools_of_unsafe_tokens_alone_are_barred(found):
    standing = set()
    for index, pool in enumerate(found.table.pools):
        wrong = [
            token
            for token in (pool.token0, pool.token1)
            if not isinstance(found.verdicts.get(token, Safe()), Safe)
        ]
        reason = found.table.why_barred(index)
        assert found.table.live[index] == (not wrong)
        assert (reason is None) == (not wrong)
        assert all(to_checksum(token) in reason for token in wrong)
        standing.add(bool(wrong))
    assert standing == {True, False}
