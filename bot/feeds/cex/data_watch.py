"""Whether data still comes on a connection whose socket lives. Pure: time is an argument."""

from collections.abc import Collection, Sequence

from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND, CexConfig


class DataWatch:
    """Of one connection and its books, by their index."""

    def __init__(self, count: int, config: CexConfig) -> None:
        self.silence = ""
        """Why another connection may have data that this one lacks; empty: it has data."""
        self._config = config
        self._since = self._last = self._excused_at = Nanoseconds(0)
        self._waits = [config.book_data_limit] * count
        self._asked_at = [Nanoseconds(0)] * count

    def begin(self, now: Nanoseconds) -> None:
        self._since = self._last = self._excused_at = now

    def look(self, now: Nanoseconds, data_at: Nanoseconds | None, *, is_excused: bool) -> None:
        """`data_at`: the last book or quote; excused: none is to be expected (a halted market, all pairs refused)."""
        if is_excused:
            self._excused_at = now
        self._last = max(data_at or Nanoseconds(0), self._excused_at)
        if now - self._last >= self._config.data_limit:
            self.silence = f"no book or quote for {self._config.data_limit / SECOND:g} s"
        elif self.silence:
            self.silence, self._since = "", self._last

    @property
    def unbroken(self) -> Nanoseconds:
        """How long data came, or was not to be expected, before the silence there is now."""
        return Nanoseconds(self._last - self._since)

    def silent_books(
        self, now: Nanoseconds, received: Sequence[int], looked_at: Collection[int]
    ) -> list[int]:
        """Of `looked_at`, those to be asked for anew while others live; each ever more seldom until it lives again."""
        longest, first = self._config.longest_book_wait, self._config.book_data_limit
        if now - max(received, default=0) >= self._config.data_limit:
            return []
        silent = []
        for index in looked_at:
            asked_at, last = self._asked_at[index], received[index]
            if last - asked_at >= first:
                self._waits[index] = first
            if now - max(asked_at, last) >= self._waits[index]:
                if asked_at:
                    self._waits[index] = min(Nanoseconds(2 * self._waits[index]), longest)
                self._asked_at[index] = now
                silent.append(index)
        return silent
