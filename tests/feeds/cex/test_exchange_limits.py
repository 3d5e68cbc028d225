"""Within what the exchange allows: attempts, messages, snapshots; and how long each of its refusals is waited out."""

import asyncio
import itertools

import pytest

from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.sender import Sender
from bot.feeds.cex.transport import Declined
from tests.feeds.cex.cex_stage import seconds, settle, stage, until
from tests.feeds.cex.scripted_exchange import ETH_USDT, OkxScript, running
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND


async def test_too_many_requests_at_the_handshake_wait_as_long_as_is_said():
    async with stage() as on:
        on.server.refuse = [(429, {"Retry-After": "33"}), (418, {"Retry-After": "120"})]
        await until(lambda: on.status.state == "waiting", "the refusal")
        assert "HTTP 429" in on.status.reason
        start = on.clock.now
        await on.clock.advance(seconds(200))
        first, second, third = on.server.handshakes
        assert second - first == pytest.approx(33 * SECOND, abs=SECOND)
        assert third - second == pytest.approx(120 * SECOND, abs=SECOND)
        assert on.feed.counters.too_fast == 2
        assert start == first
        await on.live()


async def test_a_refused_region_is_not_asked_every_second():
    async with stage() as on:
        on.server.refuse = [(403, {})] * 100
        await until(lambda: on.status.state == "waiting", "the refusal")
        assert on.status.reason.startswith("refused at the handshake: HTTP 403")
        await on.clock.advance(seconds(950))
        assert len(on.server.handshakes) == 4


async def test_too_many_requests_at_rest_hold_the_snapshot_only():
    async with stage("binance") as on:
        on.server.refuse_rest = [(429, {"Retry-After": "7"})]
        await on.run_for(6)
        assert len(on.server.snapshots) == 1
        assert on.status.state == "syncing"
        await on.run_for(3)
        first, second = on.server.snapshots
        assert second - first == pytest.approx(7 * SECOND, abs=SECOND / 2)
        assert on.is_live()
        assert on.feed.counters.attempts == 1


@pytest.mark.parametrize(("headers", "waits"), [({}, 300), ({"Retry-After": "40"}, 40)])
async def test_a_firewall_s_403_at_rest_is_waited_out_and_refuses_no_pair(headers, waits):
    async with stage("binance") as on:
        on.server.refuse_rest = [(403, headers)]
        await on.run_for(5)
        assert on.status.state == "syncing"
        assert on.status.reason.startswith(f"snapshots held for {waits} s: HTTP 403")
        assert on.status.pairs == ("ETH/USDT",)  # not refused
        assert on.feed.counters.too_fast == 1
        await on.run_for(waits, step=SECOND)
        first, second = on.server.snapshots
        assert second - first == pytest.approx(waits * SECOND, abs=1.1 * SECOND)
        await on.live()


@pytest.mark.parametrize("status", [404, 451])
async def test_what_another_request_would_not_change_refuses_the_pair(status):
    async with stage("binance") as on:
        on.server.refuse_rest = [(status, {})]
        await on.run_for(5)
        assert f"HTTP {status}" in on.status.pairs[0]
        assert len(on.server.snapshots) == 1


@pytest.mark.parametrize(("code", "is_refused"), [(-1121, True), (-1100, False), (None, False)])
async def test_a_wrong_request_refuses_a_pair_only_where_its_symbol_is_unknown(code, is_refused):
    answers = [Declined(400, None, b"<html>" if code is None else b'{"code":%d,"msg":"so"}' % code)]

    async def fetch(url):
        return answers.pop() if answers else await on.rest.fetch(url)

    async with stage("binance", fetch=fetch) as on:
        await on.run_for(5)
        assert (on.status.pairs == ("ETH/USDT",)) is not is_refused
        assert on.is_live() is not is_refused


async def test_kraken_waits_five_seconds_after_each_failed_attempt():
    async with stage() as on:
        on.server.refuse = [(503, {})] * 3
        await until(lambda: on.status.state == "waiting", "the refusal")
        await on.clock.advance(seconds(30))
        moments = on.server.handshakes
        assert len(moments) == 4
        assert all(after - before >= 5 * SECOND for before, after in itertools.pairwise(moments))


async def test_too_fast_holds_no_ping_and_silence_meanwhile_is_no_end():
    on = OkxScript([ETH_USDT], CexConfig(too_fast_wait=seconds(90)))
    async with running(on):
        await on.run_for(3, on.tick)
        on.pongs = False
        on.sockets[0].say({"event": "error", "code": "50061", "msg": "Sub-request frequency limit"})
        sent = len(on.sockets[0].sent)
        await on.run_for(55)
        assert on.sockets[0].sent[sent:] == [b"ping"] * 3
        assert (on.feed.counters.half_open, len(on.open)) == (0, 1)
        await on.run_for(66)
        assert on.feed.counters.half_open == 1  # two intervals after the hold


async def test_a_quarter_of_the_attempts_is_kept_for_when_nothing_serves():
    async with stage(attempts=8, per=seconds(1000)) as on:
        await on.live()
        keeper, now = on.feed._keeper, on.clock.now
        for _ in range(5):
            keeper._attempts.take(now)
        assert keeper.until_attempt(now) > 0  # six of eight
        keeper.active.end("gone")
        assert keeper.until_attempt(now) == 0


async def test_a_buffer_is_bounded_in_bytes_too():
    async with stage("binance", config=CexConfig(buffered_bytes=1000)) as on:
        on.server.hold_snapshots = asyncio.Event()
        await on.run_for(6)
        assert on.feed.counters.overflows >= 1
        on.server.hold_snapshots.set()
        on.server.hold_snapshots = None
        await on.run_for(6)
        assert on.is_live()


async def test_a_snapshot_older_than_the_stream_is_fetched_again():
    async with stage("binance") as on:
        on.server.snapshot_lag = 50
        await on.run_for(3)
        assert on.feed.counters.snapshots_too_old >= 2
        assert on.feed.book(on.pair).best() is None
        assert len(on.server.snapshots) <= 8  # with back-off
        on.server.snapshot_lag = 0
        await on.run_for(10)
        assert on.is_live()
        assert on.agrees()


async def test_a_full_buffer_begins_anew():
    async with stage("binance", config=CexConfig(buffered_frames=8)) as on:
        on.server.hold_snapshots = asyncio.Event()
        await on.run_for(6)
        assert on.feed.counters.overflows >= 1
        on.server.hold_snapshots.set()
        on.server.hold_snapshots = None
        await on.run_for(6)
        assert on.is_live()
        assert on.agrees()


@pytest.mark.parametrize(("attempts", "per"), [(5, 300), (2, 60), (20, 100)])
async def test_attempts_stay_within_the_window(attempts, per):
    config = CexConfig(first_backoff=seconds(0.01), longest_backoff=seconds(0.5))
    async with stage(config=config, attempts=attempts, per=seconds(per)) as on:
        on.server.refuse = [(503, {})] * 10_000
        await until(lambda: on.server.handshakes, "an attempt")
        await on.clock.advance(seconds(3.5 * per))
        moments = on.server.handshakes
        assert len(moments) >= 3 * attempts  # the budget is what holds it back, and it is used
        for start in moments:
            assert sum(start <= moment <= start + per * SECOND for moment in moments) <= attempts


async def test_messages_stay_within_their_budget_and_the_subscription_goes_first():
    config = CexConfig(book_attempts=1000)
    async with stage(
        config=config, messages=2, messages_per=seconds(1), heartbeat=seconds(5), subscribe_within=seconds(5)
    ) as on:
        sent = []
        send = Sender._send_text
        try:
            Sender._send_text = lambda self, socket, payload, now: (
                sent.append(now),
                send(self, socket, payload, now),
            )
            await until(lambda: on.server.sockets, "a connection")
            await settle()
            opened = on.server.handshakes[0]
            assert sent[0] == opened  # at once, far within five seconds
            for _ in range(40):
                await on.server.move_kraken(checksum=1)
                await settle()
                await on.clock.advance(500 * MILLISECOND)
        finally:
            Sender._send_text = send
        assert len(sent) > 10
        for start in sent:
            assert sum(start <= moment <= start + SECOND for moment in sent) <= 2
