"""Our formulas beside the real bytecode on random cases, many a call. Each sweep counts its cases by kind.

Case n of a seed is the same whoever asks for it, so that a sweep can be taken up again anywhere.
"""

import random
from collections import Counter
from contextlib import asynccontextmanager, contextmanager

from pair_chain import PAIRS
from probe_chain import CALL_GAS, ProbeChain
from v3_cases import draw_amount, draw_pool

from bot.core.units import UINT112_MAX, UINT256_MAX
from bot.protocols import v3_pool
from bot.protocols.uniswap_v2 import amount_in_up, amount_out_down, least_amount_in
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from bot.world.anvil import Anvil, AnvilConfig

GROUP = 25
"""Cases that share a pool's state and a call."""
LIMITS = {True: MIN_SQRT_PRICE + 1, False: MAX_SQRT_PRICE - 1}


@asynccontextmanager
async def probe_chain(folder):
    """A founded chain; its log goes into `folder`. Before osaka, whose limit of a transaction's gas is too low."""
    config = AnvilConfig(log_path=folder / "anvil.log", hardfork="cancun", gas_limit=CALL_GAS)
    async with Anvil(config) as anvil:
        chain = ProbeChain(anvil)
        await chain.found()
        yield chain


class Sweep:
    """What was compared so far, and every difference."""

    def __init__(self):
        self.kinds = Counter()
        self.differences = []

    @property
    def cases(self):
        return sum(count for kind, count in self.kinds.items() if kind.startswith("pool: "))

    def add(self, other):
        self.kinds.update(other.kinds)
        self.differences += other.differences

    def tell(self, seed, number, text):
        self.differences.append(f"seed {seed} case {number}: {text}")


def draw_of(protocol, seed, group):
    return random.Random(f"{protocol} {seed} {group}")


def groups(first, count):
    return range(first // GROUP, -(-(first + count) // GROUP))


# Uniswap V3


async def sweep_v3(chain, seed, first, count, quoted=None):
    """`quoted` stands in for the pool's own quotes: a test that plants a bug."""
    sweep = Sweep()
    with overflows_counted(sweep):
        await compare_v3(sweep, chain, seed, groups(first, count), quoted or quote_of)
    return sweep


@contextmanager
def overflows_counted(sweep):
    """How often the contract's own uint256 would not hold the numbers of a partial step."""
    real = v3_pool.price_after_input

    def counting(sqrt_price, liquidity, amount_in, zero_for_one):
        overflows = zero_for_one and (liquidity << 96) + amount_in * sqrt_price > UINT256_MAX
        sweep.kinds["a step over uint256"] += overflows
        return real(sqrt_price, liquidity, amount_in, zero_for_one)

    v3_pool.price_after_input = counting
    try:
        yield
    finally:
        v3_pool.price_after_input = real


async def compare_v3(sweep, chain, seed, chosen, quoted):
    for group in chosen:
        draw = draw_of("v3", seed, group)
        kind, pool = draw_pool(draw)
        cases = []
        for _ in range(GROUP):
            zero_for_one, exact_in = draw.random() < 0.5, draw.random() < 0.5
            cases.append((zero_for_one, exact_in, *draw_amount(draw, pool, zero_for_one, exact_in)))
        fee_protocol = draw.choice((0, 0x44, 0xA7, 0x05))
        swaps = [
            (zero_for_one, amount if exact_in else -amount, LIMITS[zero_for_one])
            for zero_for_one, exact_in, _, amount in cases
        ]
        answers = await chain.swap_many(pool, swaps, fee_protocol)
        for number, (case, answer) in enumerate(zip(cases, answers, strict=True), group * GROUP):
            zero_for_one, exact_in, amount_kind, amount = case
            quote = quoted(pool, zero_for_one, exact_in, amount)
            count_v3(sweep, pool, quote, kind, case, answer)
            expected = as_answered(pool, zero_for_one, quote)
            if answer != expected:
                sweep.tell(
                    seed,
                    number,
                    f"{kind}, {amount_kind} {amount} {'in' if exact_in else 'out'}, "
                    f"{zero_for_one=}: {answer}, ours {expected}",
                )


def quote_of(pool, zero_for_one, exact_in, amount):
    return (pool.quote_exact_in if exact_in else pool.quote_exact_out)(amount, zero_for_one)


def as_answered(pool, zero_for_one, quote):
    """What the pool should say: two amounts, price, tick and liquidity; a swap from the limit on is refused."""
    if pool.sqrt_price <= LIMITS[True] if zero_for_one else pool.sqrt_price >= LIMITS[False]:
        assert (quote.amount_in, quote.amount_out, quote.sqrt_price) == (0, 0, pool.sqrt_price)
        return "SPL"
    amounts = (quote.amount_in, -quote.amount_out)
    after = (quote.sqrt_price, quote.tick, pool._ranges.at(quote.tick))
    return (*(amounts if zero_for_one else amounts[::-1]), *after)


def count_v3(sweep, pool, quote, kind, case, answer):
    zero_for_one, exact_in, amount_kind, amount = case
    sweep.kinds[f"pool: {kind}"] += 1
    sweep.kinds[f"amount: {amount_kind}"] += 1
    sweep.kinds[f"fee {pool.fee}"] += 1
    sweep.kinds[f"exact {'in' if exact_in else 'out'}, {'0 for 1' if zero_for_one else '1 for 0'}"] += 1
    filled = quote.amount_in if exact_in else quote.amount_out
    end = (
        "refused"
        if isinstance(answer, str)
        else "filled"
        if filled == amount
        else "filled in part, at the limit"
    )
    sweep.kinds[f"end: {end}"] += 1
    crossed = min(quote.ticks_crossed, 2)
    sweep.kinds[f"crossed: {('none', 'one', 'more')[crossed]}"] += 1


# Uniswap V2


def log_uniform(draw, most):
    return draw.randint(1, min(most, 1 << draw.randint(1, most.bit_length())))


async def sweep_v2(chain, seed, first, count, paid=amount_out_down):
    """A case is five swaps: what we say the pair allows, and one unit over it. `paid` stands in for the formula."""
    sweep = Sweep()
    for group in groups(first, count):
        draw = draw_of("v2", seed, group)
        venue = draw.choice(tuple(PAIRS))
        fee = PAIRS[venue][2]
        reserves = log_uniform(draw, UINT112_MAX), log_uniform(draw, UINT112_MAX)
        cases, swaps = [], []
        for _ in range(GROUP):
            zero_for_one = draw.random() < 0.5
            sides = (*(reserves if zero_for_one else reserves[::-1]), *fee)
            kind, amount_in = draw_input(draw, sides[0])
            out = paid(amount_in, *sides)
            cases.append((kind, zero_for_one, amount_in, out))
            swaps += [(zero_for_one, *swap) for swap in tries(amount_in, out, sides)]
        answers = await chain.pair_many(venue, reserves, swaps)
        for number, (kind, zero_for_one, amount_in, out) in enumerate(cases):
            said = answers[number * TRIES : (number + 1) * TRIES]
            sweep.kinds[f"pool: {venue}"] += 1
            sweep.kinds[f"amount: {kind}"] += 1
            sweep.kinds["out: nothing" if out == 0 else "out: something"] += 1
            sweep.kinds.update(f"refused: {text}" for text in said if text)
            if not agrees(said, out, reserves[1 - zero_for_one] + amount_in):
                sweep.tell(
                    seed,
                    group * GROUP + number,
                    f"{venue} {reserves} {zero_for_one=} {amount_in} for {out}: {said}",
                )
    return sweep


TRIES = 5


def draw_input(draw, reserve_in):
    room = UINT112_MAX - reserve_in
    kind = draw.choice(("one unit", "any size", "like the reserve", "up to uint112"))
    if kind == "one unit" or room == 0:
        return "one unit", 1
    if kind == "up to uint112":
        return kind, max(1, room - draw.randint(0, 3))
    return kind, log_uniform(draw, room if kind == "any size" else min(room, reserve_in))


def tries(amount_in, out, sides):
    """Three that go through if anything comes out, and two that never do."""
    if out == 0:
        return [(amount_in, 1)] * TRIES
    least, charged = least_amount_in(out, *sides), amount_in_up(out, *sides)
    return [(amount_in, out), (least, out), (charged, out), (amount_in, out + 1), (least - 1, out)]


def agrees(said, out, balance):
    if balance > UINT112_MAX:
        return all(said)
    return all(said) if out == 0 else not any(said[:3]) and all(said[3:])
