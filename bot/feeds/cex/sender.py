"""What one connection sends: its outbox, emptied in the exchange's pace."""

from collections.abc import Iterable

from bot.core.units import Nanoseconds
from bot.feeds.cex.connection_times import ConnectionTimes
from bot.feeds.cex.environment import Environment
from bot.feeds.cex.outbox import Outbox
from bot.feeds.cex.transport import Socket


class Sender:
    def __init__(self, number: int, environment: Environment, times: ConnectionTimes) -> None:
        self._number = number
        self._venue = environment.venue
        self._tap = environment.tap
        self._times = times
        self._outbox = Outbox(self._venue.limits.messages, self._venue.limits.messages_per)
        self._socket: Socket | None = None
        self._last_id = 0

    def attach(self, socket: Socket) -> None:
        """From now on `send` does something."""
        self._socket = socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def add(self, payloads: Iterable[bytes]) -> None:
        self._outbox.add(payloads)

    def add_ping(self) -> None:
        self._outbox.add_ping()

    def count(self, now: Nanoseconds) -> None:
        """Something was sent without asking: the pong to their ping."""
        self._outbox.count(now)

    def hold(self, until: Nanoseconds) -> None:
        """We were too fast: pings alone go before `until`, and silence means nothing."""
        self._outbox.hold(until)
        self._times.hold(until)

    def send(self, now: Nanoseconds) -> None:
        """What may go now; pings before everything else."""
        socket = self._socket
        if socket is None:
            return
        if self._outbox.take_ping(now):
            self._times.pinged(now)
            text = self._venue.ping(self.next_id)
            if text is None:
                socket.ping(b"")
            else:
                self._send_text(socket, text, now)
        while (payload := self._outbox.take(now)) is not None:
            self._send_text(socket, payload, now)

    def next_time(self, now: Nanoseconds) -> Nanoseconds | None:
        """When `send` has something to do at the earliest; None: nothing waits."""
        return self._outbox.next_time(now)

    def _send_text(self, socket: Socket, payload: bytes, now: Nanoseconds) -> None:
        if self._tap is not None:
            self._tap.sent(self._number, payload, now)
        socket.send(payload)
