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

ONE_PART_IN: Final = 100
"""Of a pool's depth that the probe buys: about what a large trade of ours takes."""
LEAST_UNITS: Final = 1_000_000
"""Of either token: below this the smaller steps would have nothing left to move, and such a pool tests nothing."""
MOST_OTHER_POOLS: Final = 6
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
        "stranger sells", "deliver", "sell elsewhere", "look", "stranger's call", "sell later",
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
    today: tuple[Step, ...]
    a_day_later: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.today + self.a_day_later


StepAnswer = Ok[bytes] | Reverted


class ProbeSetting(msgspec.Struct, frozen=True):
    """What every probe of a table has in common."""

    table: PoolTable
    pools_of: Callable[[Address], Sequence[int]]
    """Indices of a token's pools, barred or not: the bar is what the probe decides about."""
    is_safe: Callable[[Address], bool]
    weth: Address
    parties: Parties


def plan_probe(token: Address, setting: ProbeSetting) -> ProbePlan | Unknown:
    """Through the deepest pool of `token` with WETH, else with a safe token that has one; Unknown: there is neither."""
    table, weth, parties = setting.table, setting.weth, setting.parties
    pools = _usable_pools(setting, token)
    direct = [pool for pool in pools if _other(table, pool, token) == weth]
    if direct:
        pool = max(direct, key=lambda one: depth_down(table, one, weth))
        amount = Wei(depth_down(table, pool, weth) // ONE_PART_IN)
        return _plan(table, token, weth, parties, pool, pools, [_wrap(parties, weth, amount)], amount)
    for pool in sorted(pools, key=lambda one: -depth_down(table, one, token)):
        currency = _other(table, pool, token)
        if not setting.is_safe(currency):
            continue
        from_weth = [one for one in _usable_pools(setting, currency) if _other(table, one, currency) == weth]
        if from_weth:
            first = max(from_weth, key=lambda one: depth_down(table, one, weth))
            amount = _enough_for(table, first, pool, currency, weth)
            hop = _hop(table, first, weth, currency)
            currency_bought = Step(
                "currency", parties.sender, parties.ours, swap_calldata(hop, 10_000, parties.ours)
            )
            had = [_wrap(parties, weth, amount), currency_bought]
            return _plan(table, token, currency, parties, pool, pools, had, amount)
    return Unknown(f"no pool with WETH or with a safe token to test it in ({len(pools)} pools with others)")


def _plan(
    table: PoolTable,
    token: Address,
    currency: Address,
    parties: Parties,
    pool: int,
    pools: Sequence[int],
    had: Sequence[Step],
    ether: Wei,
) -> ProbePlan:
    others = sorted((one for one in pools if one != pool), key=lambda one: -depth_down(table, one, token))
    others = others[:MOST_OTHER_POOLS]
    buying, selling = _hop(table, pool, currency, token), _hop(table, pool, token, currency)
    holders = (parties.ours, parties.stranger, *(table.pools[one].address for one in (pool, *others)))
    ours, stranger = (parties.sender, parties.ours), (parties.outsider, parties.stranger)
    look = Step("look", *ours, look_calldata(token, holders))
    today = [
        *had,
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
        if _other(table, one, token) == currency:
            sold = swap_calldata(_hop(table, one, token, currency), 500, parties.ours)
            today.append(Step("sell elsewhere", *ours, sold, address))
    calls = [Step("stranger's call", parties.outsider, token, data) for data in STRANGERS_CALLS]
    later = [look, *calls, look, Step("sell later", *ours, swap_calldata(selling, 10_000, parties.ours))]
    return ProbePlan(token, ether, holders, (*today, look), tuple(later))


def _wrap(parties: Parties, weth: Address, amount: Wei) -> Step:
    return Step("wrap", parties.sender, parties.ours, wrap_calldata(weth, amount))


def _usable_pools(setting: ProbeSetting, token: Address) -> list[int]:
    """In service and with something in them, at the present price."""
    table = setting.table
    return [
        index
        for index in setting.pools_of(token)
        if table.in_service(index)
        and not table.is_stopped(index)
        and min(
            depth_down(table, index, table.pools[index].token0),
            depth_down(table, index, table.pools[index].token1),
        )
        >= LEAST_UNITS
    ]


def _other(table: PoolTable, index: int, token: Address) -> Address:
    pool = table.pools[index]
    return pool.token1 if pool.token0 == token else pool.token0


def _enough_for(table: PoolTable, first: int, second: int, currency: Address, weth: Address) -> Wei:
    """WETH that buys about one part of the second pool's depth in the first, and never drains the first."""
    wanted = depth_down(table, second, currency) // ONE_PART_IN
    weth_depth, depth = depth_down(table, first, weth), depth_down(table, first, currency)
    return Wei(max(min(wanted * weth_depth // depth, weth_depth // 10), 1))


def _hop(table: PoolTable, index: int, token_in: Address, token_out: Address) -> ProbeHop:
    pool = table.pools[index]
    fee = (pool.fee_numerator, pool.fee_denominator) if isinstance(pool, V2Pool) else (0, 1)
    return ProbeHop(pool.address, token_in, token_out, *fee)
