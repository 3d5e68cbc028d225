"""When something goes wrong in the market: a schedule that follows from the seed and the block numbers."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from bot.world.exchanges.faults import FaultRates
from bot.world.relay_faults import RelayFaultRates

ShockKind = Literal["reorg", "drop_sockets", "miss_head"]


class Shocks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often, in blocks; 0 is never. Each number is the mean distance: the blocks themselves are drawn."""

    reorg_every: int = 0
    deepest_reorg: int = 3
    """Depths are drawn from 1 to this."""
    drop_sockets_every: int = 0
    miss_head_every: int = 0
    uncle_every: int = 0
    """A reorg of one block by which the abandoned block's bundles become public."""
    exchanges: FaultRates = FaultRates()
    """Of the exchanges, each by itself: bot.world.exchanges.faults."""
    relays: dict[str, RelayFaultRates] = {}
    """Of the relays, by endpoint, "*" for all others: bot.world.relay_faults."""


class Shock(msgspec.Struct, frozen=True):
    kind: ShockKind
    depth: int = 0
    """Of a reorg, in blocks."""
    leaks: bool = False
    """What bundles brought into the abandoned blocks becomes public."""


def shocks_after(shocks: Shocks, seed: int, number: int) -> tuple[Shock, ...]:
    """What happens between block `number` and the next one."""
    draw = random.Random(f"shocks {seed} {number}")  # noqa: S311  # a seeded market
    due: list[Shock] = []
    if _strikes(draw, shocks.drop_sockets_every):
        due.append(Shock("drop_sockets"))
    if _strikes(draw, shocks.miss_head_every):
        due.append(Shock("miss_head"))
    if _strikes(draw, shocks.reorg_every):
        due.append(Shock("reorg", draw.randint(1, max(shocks.deepest_reorg, 1))))
    if _strikes(draw, shocks.uncle_every) and not any(shock.kind == "reorg" for shock in due):
        due.append(Shock("reorg", 1, leaks=True))
    return tuple(due)


def _strikes(draw: random.Random, every: int) -> bool:
    # Drawn even where it is never to strike, so that one shock's rate does not move the others.
    return draw.random() * every < 1 and every > 0
