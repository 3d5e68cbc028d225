"""What is in V3 pools, read whole: price, liquidity and every initialised tick, by the lens or without it. Pure.

The lens reads many pools a call and says where it stopped; where the node runs no code but its own, tickBitmap and
ticks are read one by one, which Multicall3 gathers. Either way the parts must agree: the nets of the ticks at or below
the price add up to the active liquidity, all nets to zero.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from bot.protocols.pool_lens import (
    MOST_POOLS,
    TickMapPart,
    TickMapRequest,
    decode_tick_maps,
    first_word,
    last_word,
    tick_maps_calldata,
)
from bot.protocols.uniswap_v3 import (
    decode_liquidity,
    decode_slot0,
    decode_tick,
    decode_tick_bitmap,
    liquidity_calldata,
    slot0_calldata,
    tick_bitmap_calldata,
    ticks_calldata,
)
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.state.pool_table import V3Pool
from bot.state.reads import LensRead, Read, ReadAnswer, ReadPlan, value_of


class Contents(msgspec.Struct):
    """As read, not yet judged."""

    sqrt_price: int
    tick: int
    liquidity: int
    ticks: dict[int, TickLiquidity]


def read_concentrated(wanted: Sequence[V3Pool], *, has_lens: bool) -> ReadPlan[list[ConcentratedPool | str]]:
    """Each pool, or why it could not be read or does not agree with itself."""
    found: list[Contents | str | None] = [None] * len(wanted)
    if has_lens:
        yield from _by_lens(wanted, found)
    left = [place for place, contents in enumerate(found) if contents is None]
    if left:
        one_by_one = yield from _one_by_one([wanted[place] for place in left])
        for place, contents in zip(left, one_by_one, strict=True):
            found[place] = contents
    return [
        contents if isinstance(contents, str) else _pool(one, contents)
        for one, contents in zip(wanted, found, strict=True)
        if contents is not None
    ]


def _by_lens(wanted: Sequence[V3Pool], found: list[Contents | str | None]) -> ReadPlan[None]:
    """Fills `found`; leaves None from the first call that fails on."""
    waiting = [(place, first_word(one.tick_spacing)) for place, one in enumerate(wanted)]
    partial: dict[int, Contents] = {}
    while waiting:
        asked = waiting[:MOST_POOLS]
        requests = [
            TickMapRequest(wanted[place].address, wanted[place].tick_spacing, at) for place, at in asked
        ]
        [answer] = yield [LensRead(tick_maps_calldata(requests))]
        parts = value_of(answer, decode_tick_maps)
        if isinstance(parts, str) or not parts or len(parts) > len(asked):
            return
        unfinished: list[tuple[int, int]] = []
        for (place, at), part in zip(asked, parts, strict=False):
            if part is None:
                found[place] = "the lens got no answer to slot0(), liquidity(), tickBitmap() or ticks()"
                continue
            contents = partial[place] = _with(partial.get(place), part)
            if part.next_word > last_word(wanted[place].tick_spacing):
                found[place] = contents
            elif part.next_word > at:
                unfinished.append((place, part.next_word))
            elif len(asked) == 1 or place == asked[0][0]:
                return  # not one word for a whole call: the node gives too little gas
            else:
                unfinished.append((place, at))
        waiting = unfinished + waiting[len(parts) :]


def _with(before: Contents | None, part: TickMapPart) -> Contents:
    ticks = {} if before is None else before.ticks
    ticks.update({tick: TickLiquidity(gross, net) for tick, gross, net in part.ticks})
    return Contents(part.sqrt_price, part.tick, part.liquidity, ticks)


def _one_by_one(wanted: Sequence[V3Pool]) -> ReadPlan[list[Contents | str]]:
    heads = yield [
        Read(one.address, data) for one in wanted for data in (slot0_calldata(), liquidity_calldata())
    ]
    words = [
        (place, word)
        for place, one in enumerate(wanted)
        for word in range(first_word(one.tick_spacing), last_word(one.tick_spacing) + 1)
    ]
    bitmaps = yield [Read(wanted[place].address, tick_bitmap_calldata(word)) for place, word in words]
    failed: dict[int, str] = {}
    initialised: list[tuple[int, int]] = []
    for (place, word), answer in zip(words, bitmaps, strict=True):
        spacing = wanted[place].tick_spacing
        found = value_of(answer, partial(decode_tick_bitmap, word=word, tick_spacing=spacing))
        if isinstance(found, str):
            failed.setdefault(place, f"tickBitmap({word}): {found}")
        else:
            initialised += [(place, tick) for tick in found]
    answers = yield [Read(wanted[place].address, ticks_calldata(tick)) for place, tick in initialised]
    ticks: list[dict[int, TickLiquidity]] = [{} for _ in wanted]
    for (place, tick), answer in zip(initialised, answers, strict=True):
        liquidity = value_of(answer, decode_tick)
        if isinstance(liquidity, str):
            failed.setdefault(place, f"ticks({tick}): {liquidity}")
        else:
            ticks[place][tick] = liquidity
    return [
        failed.get(place) or _contents(pool, heads[2 * place : 2 * place + 2], ticks[place])
        for place, pool in enumerate(wanted)
    ]


def _contents(pool: V3Pool, head: Sequence[ReadAnswer], ticks: dict[int, TickLiquidity]) -> Contents | str:
    slot0 = value_of(head[0], partial(decode_slot0, protocol=pool.protocol))
    if isinstance(slot0, str):
        return f"slot0(): {slot0}"
    liquidity = value_of(head[1], decode_liquidity)
    if isinstance(liquidity, str):
        return f"liquidity(): {liquidity}"
    return Contents(slot0.sqrt_price, slot0.tick, liquidity, ticks)


def _pool(wanted: V3Pool, read: Contents) -> ConcentratedPool | str:
    try:
        return ConcentratedPool(
            wanted.fee, wanted.tick_spacing, read.sqrt_price, read.tick, read.liquidity, read.ticks
        )
    except ValueError as error:
        return f"what was read contradicts itself: {error}"
