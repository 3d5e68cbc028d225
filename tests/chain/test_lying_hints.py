"""A hint is anybody's word: whatever its logs say, it ends in a stand-in or a reason, and never in an exception."""

import os
import random
from collections import Counter

import pytest

from bot.chain.balance_slots import ConcentratedAfter, PairAfter, StandIns
from bot.chain.hinted_pools import HintStandIns, pools_after
from bot.core.identity import BlockRef
from bot.core.pending import HintLog
from bot.core.result import Ok, Unknown
from bot.core.units import UINT112_MAX, UINT128_MAX, UINT256_MAX
from bot.protocols.uniswap_v2 import SWAP_TOPIC, SYNC_TOPIC
from bot.protocols.uniswap_v3 import BURN_TOPIC, MINT_TOPIC, SWAP_WORDS
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, sqrt_price_at_tick
from bot.state.market_state import MarketState
from bot.state.overlay import NoOverlay, overlay_of_hint
from bot.state.pool_table import PoolTable
from tests.state.blocks import (
    GENESIS,
    TOKENS,
    V3_VENUE,
    VENUE,
    address_of,
    block,
    burnt,
    created,
    initialized,
    minted,
    pool_created,
    signed,
    swapped,
    sync,
    v3_address,
)

HINTS = int(os.environ.get("LYING_HINTS", "1500"))
A, B = TOKENS[:2]
PAIR, POOL = address_of(A, B), v3_address(A, B, 3000)
HELD = 10**24
AT = BlockRef(1, b"\x01" * 32)
ABSURD = (0, 1, 5, 10**20, UINT112_MAX, UINT112_MAX + 1, UINT128_MAX, 1 << 160, (1 << 255) - 1, UINT256_MAX)


class Node:
    """Believes every override; each balance is HELD, in the mapping of place 0."""

    async def request(self, method, params):
        if method == "eth_createAccessList":
            return Unknown("no access lists")
        if method == "eth_getStorageAt":
            return Ok("0x" + signed(HELD).hex())
        written = [value for one in params[2].values() for value in one["stateDiff"].values()]
        return Ok(written[0])


class TrustingStandIns(HintStandIns):
    """Without the reading back, which this node cannot answer."""

    def __init__(self):
        super().__init__(Node())

        async def as_meant(*_):
            return None

        self._stand_ins._read_back = as_meant


def state():
    made = MarketState(PoolTable(), [VENUE, V3_VENUE], GENESIS)
    events = [
        created(A, B), sync(PAIR, HELD, HELD), pool_created(A, B, 3000, 60), initialized(POOL, 1 << 96, 0),
        minted(POOL, -600, 600, 10**24),
    ]  # fmt: skip
    made.apply(block(GENESIS, events))
    return made


def amount(rng):
    value = rng.choice((*ABSURD, rng.randrange(10**21), rng.randrange(1 << 256)))
    return rng.choice((value, -value))


def swap(rng):
    """Often of a price, tick and liquidity that could be."""
    tick = rng.choice((0, 7, 599, -599, 7, 0, rng.randrange(-MAX_TICK, MAX_TICK)))
    price = sqrt_price_at_tick(tick) + rng.choice((0, 0, 1))
    if rng.random() < 0.2:
        price = rng.choice((0, 1, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE, amount(rng)))
    liquidity = rng.choice((10**24, 10**24, 10**24, abs(amount(rng))))
    topic = rng.choice((*SWAP_WORDS, swapped(POOL, 1, 0, 1)[1][0]))
    words = [amount(rng), amount(rng), price, liquidity, tick, *([3] * (SWAP_WORDS[topic] - 5))]
    return POOL, (topic, signed(1), signed(2)), b"".join(signed(word) for word in words)


def any_log(rng):
    kinds = (
        lambda: swap(rng),
        lambda: swap(rng),
        lambda: (PAIR, (SYNC_TOPIC,), signed(amount(rng)) + signed(amount(rng))),
        lambda: (
            PAIR,
            (SYNC_TOPIC,),
            signed(rng.randrange(1, 1 << 112)) + signed(rng.randrange(1, 1 << 112)),
        ),
        lambda: (PAIR, (SWAP_TOPIC, bytes(32), bytes(32)), bytes(128)),
        lambda: minted(POOL, 60 * rng.randrange(-20, 20), 60 * rng.randrange(-20, 20), abs(amount(rng))),
        lambda: burnt(POOL, -600, 600, abs(amount(rng))),
    )
    pool, topics, data = rng.choice(kinds)()
    if rng.random() < 0.05:
        topics = rng.choice(((), topics[:1], (rng.randbytes(32),), (MINT_TOPIC,), (BURN_TOPIC, b"")))
    if rng.random() < 0.05:
        data = rng.choice((b"", data[:-1], data + bytes(32), rng.randbytes(rng.randrange(200))))
    return HintLog(rng.choice((PAIR, POOL)) if rng.random() < 0.05 else pool, topics, data)


async def test_no_hint_raises():
    rng, held, seen = random.Random(20), state(), Counter()
    stand_ins = TrustingStandIns()
    for _ in range(HINTS):
        logs = tuple(any_log(rng) for _ in range(rng.choice((1, 1, 2, 3))))
        logs *= rng.choice((1, 1, 3))
        overlay = overlay_of_hint(held, logs)
        if isinstance(overlay, NoOverlay):
            seen[overlay.reason] += 1
            continue
        pools_after(overlay, held, logs)
        answer = await stand_ins.stand_in(overlay, held, logs)
        seen["stands" if isinstance(answer, Ok) else "would hold" * ("would hold" in answer.cause)] += 1
    assert seen["stands"] > HINTS // 100
    assert seen["would hold"] > HINTS // 100
    assert seen["contradicts the state"] > HINTS // 10


@pytest.mark.parametrize("paid", [(UINT256_MAX, -10), ((1 << 256) - HELD, 0), (-HELD - 1, 0)])
async def test_a_balance_beyond_its_word_has_no_stand_in(paid):
    pool = ConcentratedAfter(POOL, (A, B), 1 << 96, 0, 7, paid, "uniswap_v3")
    answer = await StandIns(Node()).stand_in([pool], AT)
    assert isinstance(answer, Unknown)
    assert "would hold" in answer.cause


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 0, 7), "square root price 0 "),
        ((MAX_SQRT_PRICE, 0, 7), "square root price"),
        ((1 << 160, 0, 7), "square root price"),
        ((1 << 96, MAX_TICK + 1, 7), "tick"),
        ((1 << 96, -(1 << 30), 7), "tick"),
        ((1 << 96, 0, UINT128_MAX + 1), "liquidity"),
        ((1 << 96, 0, -1), "liquidity -1 "),
    ],
)
async def test_a_pool_beyond_its_slots_has_no_stand_in(values, words):
    answer = await StandIns(Node()).stand_in(
        [ConcentratedAfter(POOL, (A, B), *values, (0, 0), "uniswap_v3")], AT
    )
    assert isinstance(answer, Unknown)
    assert words in answer.cause


@pytest.mark.parametrize("reserves", [(UINT112_MAX + 1, 1), (1, -1)])
async def test_a_pair_beyond_its_slot_has_no_stand_in(reserves):
    answer = await StandIns(Node()).stand_in([PairAfter(PAIR, (A, B), reserves, (0, 0))], AT)
    assert isinstance(answer, Unknown)
    assert "reserve" in answer.cause
