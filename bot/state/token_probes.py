"""Is a token what exact arithmetic takes it for? The simulated trades that ask it. Pure.

Bought, sent, delivered from pool to pool and sold from our own address, beside a stranger's who does the same; then
looked at and sold a day later. What arrives must be what was sent, to the unit, every time. What only its issuer can
switch on later is not seen until the next check; whatever a probe misses, the simulation of the plan still has to pass.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from bot.core.identity import Address, keccak
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Wei
from bot.protocols.token_probe import (
    ProbeHop,
    look_calldata,
    send_calldata,
    swap_calldata,
    wrap_calldata,
)
from bot.state.pool_depth import depth_down
from bot.state.pool_table import PoolTable, V2Pool

STEPS_VERSION: Final = 2
"""Raised with every change of the steps or of what is read from them: verdicts of weaker steps are not used."""
ONE_PART_IN: Final = 100
"""Of a pool's depth that the probe buys: about what a large trade of ours takes."""
LEAST_UNITS: Final = 1_000_000
"""Of either token: below this the smaller steps would have nothing left to move, and such a pool tests nothing."""
MUCH_ONE_PART_IN: Final = 8
"""Of a pool's depth that the large purchase pays: more than a tenth of the token in the pool comes out."""
MOST_OTHER_POOLS: Final = 13
"""Besides the deepest: sold to and bought from each in the same probe. Three steps a pool, 16 balances in a look."""
STRANGERS_CALLS: Final = tuple(
    keccak(text)[:4]
    for text in (b"rebase()", b"sync()", b"poke()", b"accrue()", b"update()", b"distribute()")
)
"""What anybody may call on tokens whose balances move by a call; one that does not exist just reverts."""


class Parties(msgspec.Struct, frozen=True):
    """Who trades in a probe. None of them is changed on the chain."""

    ours: Address
    """Where our trades come from; the probe's code stands there."""
    sender: Address
    """Whose transactions call it."""
    stranger: Address
    """An address nobody has heard of, with the same code."""
    outsider: Address
    """Whose transactions call the stranger's."""


class Step(msgspec.Struct, frozen=True):
    name: Literal[
        "wrap", "currency", "buy", "buy for a stranger", "stranger's currency", "stranger buys", "send", "stranger sends", "sell little", "sell much",
        "stranger sells", "deliver", "sell elsewhere", "buy elsewhere", "trip out", "trip back", "buy much", "look", "stranger's call", "sell later",
    ]  # fmt: skip
    sender: Address
    to: Address
    data: bytes
    pool: Address | None = None


class ProbePlan(msgspec.Struct, frozen=True):
    """Steps in order; each is one transaction, and one that reverts leaves the rest to go on."""

    token: Address
    ether: Wei
    """That the probe at our address must be given."""
    holders: tuple[Address, ...]
    """Whose balances the looks read."""
    pools: tuple[int, ...]
    """Indices, the deepest first, of those that it is traded in."""
    left: tuple[int, ...]
    """Pools for another probe: this one has no room for them."""
    today: tuple[Step, ...]
    a_day_later: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.today + self.a_day_later


StepAnswer = Ok[bytes] | Reverted


class ProbeSetting(msgspec.Struct, frozen=True):
    """What probes planned at one moment have in common: what a plan reckons, the next one finds in `known_depths`."""

    table: PoolTable
    pools_of: Callable[[Address], Sequence[int]]
    """Indices of a token's pools, barred or not: the bar is what the probe decides about."""
    is_safe: Callable[[Address], bool]
    weth: Address
    parties: Parties
    is_covered: Callable[[int], bool] = lambda _: False
    """Whether the pool was traded in already: what was not comes first."""
    known_depths: dict[tuple[int, Address], int] = {}
    known_from_weth: dict[Address, int | None] = {}
    """By token: its deepest usable pool with WETH."""

    def depth(self, index: int, token: Address) -> int:
        """depth_down, once: a hub's pools are asked for by every token that trades with it."""
        key = (index, token)
        found = self.known_depths.get(key)
        if found is None:
            found = self.known_depths[key] = depth_down(self.table, index, token)
        return found


def plan_probe(token: Address, setting: ProbeSetting) -> ProbePlan | Unknown:
    """Through the deepest pool of `token` with WETH, else with a safe token that has one; Unknown: there is neither."""
    table, weth, parties = setting.table, setting.weth, setting.parties
    pools = [index for index in setting.pools_of(token) if _is_usable(setting, index)]
    pool = _deepest_with_weth(setting, token)
    if pool is not None:
        amount = Wei(setting.depth(pool, weth) // ONE_PART_IN)
        much = Wei(setting.depth(pool, weth) // MUCH_ONE_PART_IN)
        had, had_much = [_wrap(parties, weth, amount)], [_wrap(parties, weth, much)]
        return _plan(setting, token, weth, pool, pools, (had, had_much), Wei(amount + much))
    for pool in sorted(pools, key=lambda one: -setting.depth(one, token)):
        currency = _other(table, pool, token)
        first = _deepest_with_weth(setting, currency) if setting.is_safe(currency) else None
        if first is not None:
            hop = _hop(table, first, weth, currency)
            currency_bought = Step(
                "currency", parties.sender, parties.ours, swap_calldata(hop, 10_000, parties.ours)
            )
            amounts = [
                _enough_for(setting, first, pool, currency, part) for part in (ONE_PART_IN, MUCH_ONE_PART_IN)
            ]
            had, had_much = ([_wrap(parties, weth, amount), currency_bought] for amount in amounts)
            return _plan(setting, token, currency, pool, pools, (had, had_much), Wei(sum(amounts)))
    return Unknown(f"no pool with WETH or with a safe token to test it in ({len(pools)} pools with others)")


def _plan(
    setting: ProbeSetting,
    token: Address,
    currency: Address,
    pool: int,
    pools: Sequence[int],
    had: tuple[Sequence[Step], Sequence[Step]],
    ether: Wei,
) -> ProbePlan:
    table, parties = setting.table, setting.parties
    others = sorted((one for one in pools if one != pool), key=lambda one: -setting.depth(one, token))
    others.sort(key=setting.is_covered)
    others, left = others[:MOST_OTHER_POOLS], others[MOST_OTHER_POOLS:]
    buying, selling = _hop(table, pool, currency, token), _hop(table, pool, token, currency)
    holders = (parties.ours, parties.stranger, *(table.pools[one].address for one in (pool, *others)))
    ours, stranger = (parties.sender, parties.ours), (parties.outsider, parties.stranger)
    look = Step("look", *ours, look_calldata(token, holders))
    today = [
        *had[0],
        Step("buy", *ours, swap_calldata(buying, 6_000, parties.ours)),
        Step("buy for a stranger", *ours, swap_calldata(buying, 2_500, parties.stranger)),
        Step("stranger's currency", *ours, send_calldata(currency, parties.stranger, 1_000)),
        Step("stranger buys", *stranger, swap_calldata(buying, 10_000, parties.stranger)),
        Step("send", *ours, send_calldata(token, parties.stranger, 1_000)),
        Step("stranger sends", *stranger, send_calldata(token, parties.ours, 1_000)),
        Step("sell little", *ours, swap_calldata(selling, 200, parties.ours)),
        Step("sell much", *ours, swap_calldata(selling, 5_000, parties.ours)),
        Step("stranger sells", *stranger, swap_calldata(selling, 5_000, parties.stranger)),
    ]
    for one in others:
        address = table.pools[one].address
        today.append(Step("deliver", *ours, swap_calldata(buying, 1_000, address), address))
        today += _round_trip(setting, token, currency, one)
    today += [*had[1], Step("buy much", *ours, swap_calldata(buying, 10_000, parties.ours))]
    calls = [Step("stranger's call", parties.outsider, token, data) for data in STRANGERS_CALLS]
    later = [look, *calls, look, Step("sell later", *ours, swap_calldata(selling, 10_000, parties.ours))]
    return ProbePlan(token, ether, holders, (pool, *others), tuple(left), (*today, look), tuple(later))


def _round_trip(setting: ProbeSetting, token: Address, currency: Address, pool: int) -> list[Step]:
    """A little sold to a pool and bought back. Where what it trades for may cheat too, only the numbers count."""
    table, ours = setting.table, setting.parties.ours
    address, paid_in = table.pools[pool].address, _other(table, pool, token)
    is_fair = paid_in == currency or setting.is_safe(paid_in)
    sold = swap_calldata(_hop(table, pool, token, paid_in), 500, ours)
    # Of the currency a part is kept: the other pools are bought from with it as well.
    bought = swap_calldata(_hop(table, pool, paid_in, token), 1_000 if paid_in == currency else 10_000, ours)
    return [
        Step("sell elsewhere" if is_fair else "trip out", setting.parties.sender, ours, sold, address),
        Step("buy elsewhere" if is_fair else "trip back", setting.parties.sender, ours, bought, address),
    ]


def _wrap(parties: Parties, weth: Address, amount: Wei) -> Step:
    return Step("wrap", parties.sender, parties.ours, wrap_calldata(weth, amount))


def _deepest_with_weth(setting: ProbeSetting, token: Address) -> int | None:
    """Whom a pool trades with is asked first: that costs nothing, its depth does."""
    known, weth = setting.known_from_weth, setting.weth
    if token not in known:
        usable = (
            index
            for index in setting.pools_of(token)
            if _other(setting.table, index, token) == weth and _is_usable(setting, index)
        )
        known[token] = max(usable, key=lambda one: setting.depth(one, weth), default=None)
    return known[token]


def _is_usable(setting: ProbeSetting, index: int) -> bool:
    """In service and with something in it, at the present price."""
    table, pool = setting.table, setting.table.pools[index]
    if not table.in_service(index) or table.is_stopped(index):
        return False
    return min(setting.depth(index, pool.token0), setting.depth(index, pool.token1)) >= LEAST_UNITS


def _other(table: PoolTable, index: int, token: Address) -> Address:
    pool = table.pools[index]
    return pool.token1 if pool.token0 == token else pool.token0


def _enough_for(setting: ProbeSetting, first: int, second: int, currency: Address, part: int) -> Wei:
    """WETH that buys about one part of the second pool's depth in the first, and never drains the first."""
    wanted = setting.depth(second, currency) // part
    weth_depth, depth = setting.depth(first, setting.weth), setting.depth(first, currency)
    return Wei(max(min(wanted * weth_depth // depth, weth_depth // 10), 1))


def _hop(table: PoolTable, index: int, token_in: Address, token_out: Address) -> ProbeHop:
    pool = table.pools[index]
    fee = (pool.fee_numerator, pool.fee_denominator) if isinstance(pool, V2Pool) else (0, 1)
    return ProbeHop(pool.address, token_in, token_out, *fee)
