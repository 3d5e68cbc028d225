"""Which tokens may be traded, from verdicts with a block and an expiry, and the pools barred accordingly. Pure.

Default deny: a pool is barred until both its tokens are known safe and one of them was traded in it: a verdict says
nothing of a pool that came after it. The time is the chain's, a block's timestamp.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from bot.core.identity import Address, to_checksum
from bot.core.units import Nanoseconds
from bot.state.pool_table import PoolTable
from bot.state.token_probes import LEAST_UNITS
from bot.state.token_verdicts import Checked, Safe, Undecided

UNTESTED: Final = "not tested yet"
PASSED_OVER_PARTS: Final = 24
"""Of an expiry: a pool that a check could not go through is tried again after one of them."""


class TokenPolicy(msgspec.Struct, frozen=True):
    trusted: frozenset[Address]
    """The profile's base tokens."""
    allowed: frozenset[Address]
    denied: frozenset[Address]
    """Wins over everything."""
    expiry: Nanoseconds
    """Of a verdict. It is asked for again after three quarters of it, so that a safe token stays in use."""
    retry: Nanoseconds
    """After which an undecided token is tried again."""


class TokenBook:
    """Verdicts, and the bars that follow from them in one table at a time."""

    def __init__(self, policy: TokenPolicy, known: Iterable[Checked] = ()) -> None:
        self._policy = policy
        self._checked = {one.token: one for one in known}
        self._tried_at: dict[Address, Nanoseconds] = {}
        self._table = PoolTable()
        self._pools_of: dict[Address, list[int]] = {}
        self._taken_in = 0
        self._waiting: dict[int, Nanoseconds] = {}

    @property
    def table(self) -> PoolTable:
        """The adopted one."""
        return self._table

    @property
    def checked(self) -> tuple[Checked, ...]:
        """By token, so that equal verdicts make equal files."""
        return tuple(sorted(self._checked.values(), key=lambda one: one.token))

    def adopt(self, table: PoolTable, now: Nanoseconds) -> None:
        """From now on the bars are in `table`: every pool in it with a token that is not known safe is barred."""
        self._table, self._pools_of, self._taken_in = table, {}, 0
        self._waiting = {}
        self.take_in(now)

    def take_in(self, now: Nanoseconds) -> None:
        """Bar what is new in the table, unless both tokens are known safe. Costs nothing where nothing is new."""
        table = self._table
        for index in range(self._taken_in, len(table)):
            pool = table.pools[index]
            for token in (pool.token0, pool.token1):
                self._pools_of.setdefault(token, []).append(index)
            self._decide(index, now)
        for index in range(self._taken_in, len(table)):
            if not self.is_covered(index):
                self._waiting[index] = now
                self._tried_at.pop(self._tester(index), None)
        self._taken_in = len(table)

    def pools_of(self, token: Address) -> Sequence[int]:
        """Indices in the adopted table."""
        return self._pools_of.get(token, ())

    def is_covered(self, index: int) -> bool:
        """Whether one of its tokens was traded in it to the unit, or nobody asks about either."""
        pool = self._table.pools[index]
        tokens = pool.token0, pool.token1
        return all(map(self._is_exempt, tokens)) or any(
            pool.address in self._checked[token].pools for token in tokens if token in self._checked
        )

    def tokens(self) -> Iterator[Address]:
        """Of the adopted table, in the order they were met."""
        return iter(self._pools_of)

    def why_not(self, token: Address, now: Nanoseconds) -> str | None:
        """Why it must not be traded; None: it may."""
        policy = self._policy
        if token in policy.denied:
            both = ", which wins over BOT_TOKENS_ALLOWED" if token in policy.allowed else ""
            return f"{to_checksum(token)} is in BOT_TOKENS_DENIED{both}"
        if token in policy.trusted or token in policy.allowed:
            return None
        checked = self._checked.get(token)
        if checked is None:
            return f"{to_checksum(token)} {UNTESTED}"
        if not isinstance(checked.verdict, Safe):
            return f"{to_checksum(token)} {checked.verdict}"
        age = now - checked.at
        if not 0 <= age < policy.expiry:
            return f"{to_checksum(token)} was last found safe {age / 1e9:.0f} s ago, allowed are {policy.expiry / 1e9:.0f} s"
        return None

    def due(self, now: Nanoseconds) -> list[Address]:
        """Tokens whose verdict is missing or due again: those with a new pool first, then the oldest."""
        awaited = {
            self._tester(index) for index, since in self._waiting.items() if self._is_time(index, since, now)
        }
        waiting = [token for token in self._pools_of if self._is_due(token, now, token in awaited)]
        return sorted(waiting, key=lambda token: (token not in awaited, self._tested_at(token)))

    def note(
        self, checked: Checked, tried: Collection[int] = (), left: Collection[int] = ()
    ) -> tuple[int, ...]:
        """Take in a verdict; the pools whose bar was set or lifted.

        `tried`: the pools it was traded in, `left`: those that wait for another check. A failure to test does not
        undo what was found before: that holds until it expires.
        """
        token, known = checked.token, self._checked.get(checked.token)
        self._tried_at[token] = checked.at
        if isinstance(checked.verdict, Undecided) and known is not None and self._holds(known, checked.at):
            return ()
        if isinstance(checked.verdict, Safe) and known is not None:
            again = {self._table.pools[index].address for index in tried}
            checked = msgspec.structs.replace(checked, pools=checked.pools | (known.pools - again))
        self._checked[token] = checked
        self._await_pools(token, checked.at, left)
        return self._decide_all(self.pools_of(token), checked.at)

    def _await_pools(self, token: Address, now: Nanoseconds, left: Collection[int]) -> None:
        """Which pools the check leaves to another one, and from when on."""
        later = Nanoseconds(now + self._policy.expiry // PASSED_OVER_PARTS)
        for index in self.pools_of(token):
            if self.is_covered(index):
                self._waiting.pop(index, None)
            elif self._tester(index) == token:
                if index in left:
                    self._waiting[index] = now
                    self._tried_at.pop(token, None)
                elif self._has_depth(index):
                    self._waiting[index] = later

    def expire(self, now: Nanoseconds) -> tuple[int, ...]:
        """Bar the pools of safe tokens whose verdict is too old by now; the pools whose bar was set."""
        old = [
            token
            for token, one in self._checked.items()
            if isinstance(one.verdict, Safe) and now - one.at >= self._policy.expiry
        ]
        return tuple(index for token in old for index in self._decide_all(self.pools_of(token), now))

    def _is_exempt(self, token: Address) -> bool:
        return token in self._policy.trusted or token in self._policy.allowed

    def _tester(self, index: int) -> Address:
        """The token whose check goes through the pool: the one with fewer pools, so that a hub's need not be all."""
        pool = self._table.pools[index]
        return min(
            (pool.token0, pool.token1), key=lambda one: (self._is_exempt(one), len(self.pools_of(one)), one)
        )

    def _has_depth(self, index: int) -> bool:
        screen = self._table.screen
        return bool(min(screen.virtual0[index], screen.virtual1[index]) >= LEAST_UNITS)

    def _is_time(self, index: int, since: Nanoseconds, now: Nanoseconds) -> bool:
        """A pool is often empty when it is born: it waits until there is something to trade."""
        return since <= now and self._has_depth(index)

    def _is_due(self, token: Address, now: Nanoseconds, is_awaited: bool) -> bool:
        policy = self._policy
        if token in policy.denied or self._is_exempt(token):
            return False
        if 0 <= now - self._tried_at.get(token, now - policy.retry) < policy.retry:
            return False
        checked = self._checked.get(token)
        if checked is None or isinstance(checked.verdict, Undecided):
            return True
        if is_awaited and isinstance(checked.verdict, Safe):
            return True
        return not 0 <= now - checked.at < policy.expiry * 3 // 4

    def _tested_at(self, token: Address) -> int:
        checked = self._checked.get(token)
        return -1 if checked is None else checked.at

    def _holds(self, checked: Checked, now: Nanoseconds) -> bool:
        return not isinstance(checked.verdict, Undecided) and 0 <= now - checked.at < self._policy.expiry

    def _decide_all(self, pools: Iterable[int], now: Nanoseconds) -> tuple[int, ...]:
        return tuple(index for index in pools if self._decide(index, now))

    def _decide(self, index: int, now: Nanoseconds) -> bool:
        """Whether the pool's standing changed."""
        pool, before = self._table.pools[index], self._table.why_barred(index)
        reason = self.why_not(pool.token0, now) or self.why_not(pool.token1, now)
        if reason is None and not self.is_covered(index):
            reason = f"neither of its tokens was traded in it yet: {to_checksum(pool.address)}"
        if reason is None:
            self._table.unbar(index)
        else:
            self._table.bar(index, reason)
        return (before is None) != (reason is None)
