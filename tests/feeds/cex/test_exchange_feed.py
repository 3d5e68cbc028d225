"""An exchange's feed over real sockets: connecting, following, losing and finding its books again."""

import asyncio
import gc

import pytest
from structlog.testing import capture_logs

from bot.core.errors import BadConfiguration
from bot.core.market_data import Pair
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from tests.feeds.cex.cex_stage import BTC_USD, ETH_USD, seconds, settle, stage, until
from tests.feeds.cex.virtual_clock import MILLISECOND, VirtualClock

BOTH = pytest.mark.parametrize("venue", ["kraken", "binance"])


@BOTH
async def test_a_followed_book_is_the_exchange_s(venue):
    async with stage(venue) as on:
        await on.live()
        compared = 0
        for _ in range(20):
            await on.move()
            await until(on.agrees, "the book")
            assert on.feed.is_fresh(on.pair, on.clock.now) is None
            quote = on.feed.quote(on.pair, on.clock.now)
            assert (quote.exchange, quote.pair, quote.stale) == (venue, on.pair, None)
            assert quote.bid < quote.ask
            compared += 1
        assert compared == 20
        assert on.status.gaps == on.status.resyncs == on.status.reconnects == on.status.malformed == 0
        assert on.feed.counters.attempts == 1


async def test_a_gap_makes_the_book_anew_from_a_snapshot():
    async with stage("binance") as on:
        await on.live()
        await on.move(skip=3)
        await until(lambda: on.feed.counters.gaps == 1, "the gap")
        assert on.feed.is_fresh(on.pair, on.clock.now) is not None or len(on.server.snapshots) == 2
        await on.run_for(2)
        assert on.feed.counters.resyncs == 1
        assert on.agrees()
        assert len(on.server.handshakes) == 1


async def test_no_book_is_believed_between_gap_and_snapshot():
    async with stage("binance") as on:
        await on.live()
        on.server.hold_snapshots = asyncio.Event()
        await on.move(skip=3)
        await until(lambda: on.feed.counters.gaps == 1, "the gap")
        await on.run_for(2)
        assert on.feed.book(on.pair).best() is None
        assert "gap" in on.feed.is_fresh(on.pair, on.clock.now)
        assert on.status.state == "syncing"
        on.server.hold_snapshots.set()
        on.server.hold_snapshots = None
        await on.run_for(1)
        await until(on.agrees, "the book")
        assert on.is_live()
        # The frames that came meanwhile were kept: the snapshot, old by now, was joined to the stream by them.
        assert (on.feed.counters.gaps, len(on.server.snapshots)) == (1, 2)


async def test_a_wrong_checksum_subscribes_that_book_anew():
    async with stage(symbols=("ETH/USD", "BTC/USD"), pairs=(ETH_USD, BTC_USD)) as on:
        await on.live()
        await on.server.move_kraken("ETH/USD", checksum=1)
        await until(lambda: on.feed.counters.checksums == 1, "the checksum")
        assert on.feed.is_fresh(BTC_USD, on.clock.now) is None
        await on.run_for(1)
        assert on.agrees()
        assert (on.status.gaps, on.status.resyncs) == (1, 1)
        assert len(on.server.handshakes) == 1


async def test_repeated_resyncs_wait_longer_each_time():
    config = CexConfig(first_resync=seconds(1), longest_resync=seconds(8), book_attempts=1000)
    async with stage(config=config, heartbeat=seconds(100)) as on:
        await on.live()
        before = len(on.server.heard)
        for _ in range(400):  # 40 s in which no update of the exchange fits its checksum
            await on.server.move_kraken(checksum=1)
            await settle()
            await on.clock.advance(100 * MILLISECOND)
        asked = sum('"subscribe"' in text for text in on.server.heard[before:])
        assert 5 <= asked <= 11
        assert len(on.server.handshakes) == 1


async def test_a_book_that_never_comes_is_asked_for_again_and_then_elsewhere():
    config = CexConfig(book_limit=seconds(2), book_attempts=3)
    async with stage(config=config) as on:
        on.server.answers_books = False
        await until(lambda: on.server.heard, "a subscription")
        await on.run_for(8)
        assert len(on.server.handshakes) >= 2
        on.server.answers_books = True
        await on.run_for(8)
        await on.live()
        assert on.agrees()


async def test_a_malformed_frame_ends_the_connection_alone():
    async with stage() as on, stage(clock=on.clock) as other:
        await on.live()
        await other.live()
        await on.server.say(
            '{"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[{"price":NaN'
        )
        await until(lambda: on.feed.counters.malformed == 1, "the malformed frame")
        assert on.feed.is_fresh(on.pair, on.clock.now).startswith("malformed frame")
        assert on.status.state in ("waiting", "connecting")
        assert not on.fresh
        assert other.is_live()
        await on.run_for(1)
        await on.live()
        assert on.agrees()
        assert on.status.reconnects == 1
        assert (other.status.malformed, other.status.reconnects) == (0, 0)
        assert len(other.server.handshakes) == 1


async def test_a_refused_symbol_is_said_and_the_others_go_on():
    async with stage(pairs=(ETH_USD, Pair("NOPE", "USD"))) as on:
        await on.live()
        await on.run_for(40)
        assert on.is_live()
        assert on.status.pairs[0] == "ETH/USD"
        assert on.status.pairs[1].startswith("NOPE/USD (Currency pair not supported")
        assert "not supported" in on.feed.is_fresh(Pair("NOPE", "USD"), on.clock.now)
        assert len(on.server.handshakes) == 1
        assert sum("NOPE" in text for text in on.server.heard) == 2  # book and ticker, once each


async def test_a_symbol_without_snapshot_is_refused_too():
    async with stage("binance", pairs=(Pair("ETH", "USDT"), Pair("BTC", "USDT"))) as on:
        await on.live()
        await on.run_for(30)
        assert on.is_live()
        assert "Invalid symbol" in on.status.pairs[1]
        assert len(on.server.snapshots) == 2


async def test_what_an_operator_must_know_is_one_line_each():
    with capture_logs() as lines:
        async with stage(pairs=(ETH_USD, Pair("NOPE", "USD"))) as on:
            await on.live()
            on.server.refuse = [(503, {})] * 6
            await on.server.disconnect()
            await until(lambda: not on.fresh, "the end")
            await on.clock.advance(seconds(60))
            await on.live()
    told = [(line["event"], line.get("symbol") or line["reason"]) for line in lines]
    assert all(line["exchange"] == "kraken" for line in lines)
    assert told == [
        ("exchange.connected", "2 pairs"),
        ("exchange.pair_refused", "NOPE/USD"),
        ("exchange.connection_lost", "closed by the exchange: 1012 maintenance"),
        ("exchange.connection_lost", "handshake: HTTP 503: 503: Service Unavailable"),
        ("exchange.connected", "2 pairs"),
    ]


async def test_a_pair_that_is_not_traded_is_left_out():
    async with stage(pairs=(ETH_USD, Pair("ETH", "USD", is_perpetual=True))) as on:
        await on.live()
        assert on.feed.pairs == (ETH_USD,)
        assert "not traded on kraken" in on.status.pairs[1]
        assert "not traded" in on.feed.is_fresh(Pair("ETH", "USD", is_perpetual=True), on.clock.now)


async def test_the_exchange_s_own_clock_is_told_from_ours():
    async with stage() as on:
        on.server.skew = -1_270 * MILLISECOND
        await on.live()
        assert abs(on.status.clock_offset + 1_270 * MILLISECOND) < MILLISECOND
        assert on.fresh  # a clock that is set wrong is no lag


async def test_a_quiet_pair_that_is_told_again_each_three_seconds_stays_fresh():
    """Bybit's way; dollar pairs are quiet for seconds everywhere."""
    async with stage() as on:
        await on.live()
        for _ in range(5):
            await on.clock.advance(seconds(3.5))
            assert on.fresh
            assert on.is_live()
            await on.move()
            await settle()


async def test_a_stall_is_stale_within_its_limit_and_a_backlog_is_no_news():
    async with stage() as on:
        await on.live()
        await on.clock.advance(seconds(5.1))
        assert not on.fresh
        assert on.status.state == "stale"
        assert "more than 5 s" in on.status.reason
        on.server.skew = -7 * 10**9  # what was to be told seven seconds ago comes now
        await on.move()
        await until(lambda: on.feed.connection.data_at == on.clock.now, "the backlog")
        assert "behind" in on.feed.quote(on.pair, on.clock.now).stale
        assert not on.fresh
        on.server.skew = 0
        await on.move()
        await until(lambda: on.fresh, "news")


async def test_a_record_without_time_needs_its_book_to_vouch_for_it():
    async with stage("binance") as on:
        await on.live()
        await on.clock.advance(seconds(5.1))
        on.server.skew = -7 * 10**9
        await on.move()
        await until(lambda: on.feed.connection.data_at == on.clock.now, "the backlog")
        await settle()
        assert not on.fresh


async def test_a_fresh_book_goes_before_a_newer_record_that_nothing_vouches_for():
    async with stage("binance") as on:
        await on.live()
        await on.clock.advance(seconds(1.5))
        of_book = on.feed.quote(on.pair, on.clock.now)
        assert of_book.stale is None
        await on.move(only="bookTicker")
        await until(lambda: on.feed.connection.data_at == on.clock.now, "the record")
        record = on.feed.connection.reader.quotes[0]
        assert record.received > of_book.received
        assert on.feed.quote(on.pair, on.clock.now).bid_size == of_book.bid_size != record.best()[1]
        assert on.fresh


async def test_messages_a_second_over_ten_seconds():
    async with stage() as on:
        await on.live()
        await on.run_for(12)
        assert on.status.messages_per_second == pytest.approx(
            8, abs=1
        )  # book and ticker, four times a second
        await on.clock.advance(seconds(12))
        assert on.status.messages_per_second < 1


@BOTH
async def test_stopped_is_stopped(venue):
    async with stage(venue) as on:
        before = asyncio.all_tasks() - {on.task}
        await on.live()
        connection = on.feed.connection
        on.task.cancel()
        await asyncio.wait([on.task])
        await until(lambda: not on.server.sockets, "the socket's end")
        ours = [task for task in asyncio.all_tasks() - before if "bot/feeds" in str(task.get_coro().cr_code)]
        assert ours == []
        assert on.status.state == "stopped"
        assert not on.fresh
        assert on.feed.book(on.pair).best() is None
        assert not connection.is_open


async def test_stopped_while_connecting_leaves_no_socket():
    held = []

    async def silent(reader, writer):
        held.append(writer)
        assert await reader.read() != b""  # the handshake, and then the end
        writer.close()
        held.remove(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with stage() as on:
        feed = ExchangeFeed(
            on.feed.venue,
            [ETH_USD],
            url,
            "",
            CexConfig(),
            picows_connect,
            on.rest.fetch,
            on.clock,
            lambda: 0.5,
        )
        task = asyncio.create_task(feed.run())
        await until(lambda: held, "the attempt")
        assert feed.status(on.clock.now).state == "connecting"
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: not held, "the end of the socket")
    server.close()


async def test_a_message_leaves_no_cycle_behind():
    async with stage() as on:
        await on.live()
        frame = on.server.kraken_frame("ticker", "ETH/USD", "update").encode()
        connection = on.feed.connection
        for _ in range(100):
            connection.on_frame(frame)
        gc.collect()
        tasks = len(asyncio.all_tasks())
        for _ in range(1000):
            connection.on_frame(frame)
        assert gc.collect() == 0
        assert len(asyncio.all_tasks()) == tasks


def test_without_tls_only_on_this_machine():
    with pytest.raises(BadConfiguration, match="wss://"):
        ExchangeFeed(
            VENUES["kraken"],
            [ETH_USD],
            "ws://example.org",
            "",
            CexConfig(),
            None,
            None,
            VirtualClock(),
            float,
        )


async def test_everything_on_the_wire_goes_to_the_tap():
    class Tap:
        def __init__(self):
            self.calls = []

        def __getattr__(self, name):
            return lambda *arguments: self.calls.append((name, *arguments))

    tap = Tap()
    async with stage("binance", tap=tap) as on:
        await on.live()
    kinds = [call[0] for call in tap.calls]
    assert kinds[0] == "opened"
    assert kinds[-1] == "closed"
    assert {"frame", "answer"} <= set(kinds)
    [answer] = [call for call in tap.calls if call[0] == "answer"]
    assert answer[2] == 200
    assert b"lastUpdateId" in answer[3]
    tap = Tap()
    async with stage(tap=tap) as on:
        await on.live()
    assert next(call[2][:22] for call in tap.calls if call[0] == "sent") == b'{"method":"subscribe",'
