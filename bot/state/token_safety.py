"""Which tokens may be traded, from verdicts with a block and an expiry, and the pools barred accordingly. Pure.

Default deny: a pool is barred until both its tokens are known safe. The time is the chain's, a block's timestamp.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from bot.core.identity import Address, to_checksum
from bot.core.units import Nanoseconds
from bot.state.pool_table import PoolTable
from bot.state.token_verdicts import Checked, Safe, Undecided

UNTESTED: Final = "not tested yet"


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
        self.take_in(now)

    def take_in(self, now: Nanoseconds) -> None:
        """Bar what is new in the table, unless both tokens are known safe. Costs nothing where nothing is new."""
        table = self._table
        for index in range(self._taken_in, len(table)):
            pool = table.pools[index]
            for token in (pool.token0, pool.token1):
                self._pools_of.setdefault(token, []).append(index)
            self._decide(index, now)
        self._taken_in = len(table)

    def pools_of(self, token: Address) -> Sequence[int]:
        """Indices in the adopted table."""
        return self._pools_of.get(token, ())

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
        """Tokens whose verdict is missing or due again: those never tested first, then the oldest."""
        waiting = [token for token in self._pools_of if self._is_due(token, now)]
        return sorted(waiting, key=self._tested_at)

    def note(self, checked: Checked) -> tuple[int, ...]:
        """Take in a verdict; the pools whose bar was set or lifted.

        A failure to test does not undo what was found before: that holds until it expires.
        """
        known = self._checked.get(checked.token)
        self._tried_at[checked.token] = checked.at
        if isinstance(checked.verdict, Undecided) and known is not None and self._holds(known, checked.at):
            return ()
        self._checked[checked.token] = checked
        return self._decide_all(self.pools_of(checked.token), checked.at)

    def expire(self, now: Nanoseconds) -> tuple[int, ...]:
        """Bar the pools of safe tokens whose verdict is too old by now; the pools whose bar was set."""
        old = [
            token
            for token, one in self._checked.items()
            if isinstance(one.verdict, Safe) and now - one.at >= self._policy.expiry
        ]
        return tuple(index for token in old for index in self._decide_all(self.pools_of(token), now))

    def _is_due(self, token: Address, now: Nanoseconds) -> bool:
        policy = self._policy
        if token in policy.denied or token in policy.trusted or token in policy.allowed:
            return False
        if 0 <= now - self._tried_at.get(token, now - policy.retry) < policy.retry:
            return False
        checked = self._checked.get(token)
        if checked is None or isinstance(checked.verdict, Undecided):
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
        if reason is None:
            self._table.unbar(index)
        else:
            self._table.bar(index, reason)
        return (before is None) != (reason is None)
