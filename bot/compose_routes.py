"""The ways to the builders, and what is bid there, put together. Part of compose.py, which it would overfill."""

from collections.abc import Sequence
from typing import Final

from bot.chain.relay_authorization import load_authorization
from bot.chain.relay_bodies import BundleBodies
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import relay_url, row_named
from bot.chain.relays import RelayRoute, open_route
from bot.core.errors import BadConfiguration
from bot.core.ports import Clock
from bot.core.route_standing import BidBy
from bot.core.units import Bps, Nanoseconds
from bot.execution.bid_book import BidBook
from bot.execution.bid_policy import BidConfig, BidPolicy
from bot.journal.store import JournalStore
from bot.settings import Settings

LEARNED_FROM: Final = 2_000
"""Decided bundles of earlier runs: beyond, what they say of today's rivals is little."""


def open_routes(settings: Settings, identity: RelayIdentity, clock: Clock) -> tuple[RelayRoute, ...]:
    """Every address is checked before the first connection is made; routes share the bytes they can share."""
    bodies = BundleBodies(identity)
    limit = Nanoseconds(settings.variables.relay_timeout)
    is_throwaway = settings.chain.is_throwaway
    rows = [(row_named(name), relay) for name, relay in settings.relays.items()]
    urls = [relay_url(row, relay.url, loopback_only=is_throwaway) for row, relay in rows]
    files = [
        None
        if (path := relay.authorization_file) is None
        else load_authorization(path, f"{row.variable}AUTHORIZATION_FILE")
        for row, relay in rows
    ]
    return tuple(
        open_route(row, url, identity, clock, limit, bodies=bodies, authorization=authorization)
        for (row, _), url, authorization in zip(rows, urls, files, strict=True)
    )


def bid_by(routes: Sequence[RelayRoute]) -> BidBy:
    """Payment to the coinbase where every protected route counts it, else a tip. Raises BadConfiguration for neither."""
    protected = [route for route in routes if route.drops_reverts]
    ways: tuple[BidBy, ...] = ("payment", "priority_fee")
    for way in ways:
        if all(way in route.honours for route in protected):
            return way
    said = "; ".join(f"{route.name} by {', '.join(sorted(route.honours))}" for route in protected)
    raise BadConfiguration(
        f"BOT_RELAYS: one transaction bids one way, and these relays count bids differently: {said}"
    )


def check_hints(settings: Settings, routes: Sequence[RelayRoute]) -> None:
    """Raises BadConfiguration where hints are followed that no relay could be told of."""
    if settings.sends and settings.variables.backruns in ("hints", "all"):
        if any(route.takes_hints and route.drops_reverts for route in routes):
            return
        raise BadConfiguration(
            f"BOT_BACKRUNS={settings.variables.backruns}: none of BOT_RELAYS={','.join(settings.relays)} takes a bundle "
            "behind a hint; add one that does (docs/relays.md, column hints), or use BOT_BACKRUNS=public"
        )


async def bid_book(settings: Settings, store: JournalStore) -> BidBook:
    """What to bid, with what earlier runs of this data folder have learned."""
    variables = settings.variables
    config = BidConfig(
        share=Bps(variables.bid_share),
        floor=Bps(variables.bid_floor),
        cap=Bps(variables.bid_cap),
        learns=variables.bid_learns,
        least_outcomes=variables.bid_outcomes,
    )
    book = BidBook(BidPolicy(config))
    if settings.sends and variables.bid_learns:
        for intent, end in await store.decided_intents(LEARNED_FROM):
            book.sent(intent.plan, intent.simulation, intent.offset)
            book.ended(intent.plan, end.outcome)
        book.learn()
    return book
