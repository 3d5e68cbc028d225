"""The builders a market has, as its configuration says."""

from __future__ import annotations

from bot.core.identity import Address
from bot.world.accounts import ThrowawayAccount
from bot.world.bidding_law import BiddingLaw
from bot.world.builder import Builder
from bot.world.local_chain import LocalChain
from bot.world.market_config import MarketConfig
from bot.world.relay import Relay
from bot.world.relay_kinds import BUILDER_A, BUILDER_B, feeding
from bot.world.stage import Stage
from bot.world.two_builders import BuilderRace, Contender


def open_race(config: MarketConfig, builder: Builder, relay: Relay, stage: Stage) -> BuilderRace:
    """One builder who gets everything, or two with a book each."""
    coinbases = coinbases_of(config, stage)
    contenders = [
        Contender(name, coinbase, feeding(name) if len(coinbases) > 1 else None)
        for name, coinbase in coinbases.items()
    ]
    closes_at = BiddingLaw(config.seed).closes_at if config.hidden_law else None
    return BuilderRace(builder, relay.book, relay.pools, contenders, config.seed, closes_at)


async def fund_builders(config: MarketConfig, chain: LocalChain, stage: Stage) -> None:
    """A builder's account exists before anybody pays him: a first payment would cost 25,000 gas more than others.

    A builder who is alone has none to be compared with, and is left as he was.
    """
    if config.relays == "all":
        for coinbase in coinbases_of(config, stage).values():
            await chain.fund(coinbase, 1)


def coinbases_of(config: MarketConfig, stage: Stage) -> dict[str, Address]:
    """Of each builder, by name."""
    if config.relays == "one":
        return {BUILDER_A: stage.coinbase}
    return {BUILDER_A: stage.coinbase, BUILDER_B: ThrowawayAccount(config.seed, "second builder").address}
