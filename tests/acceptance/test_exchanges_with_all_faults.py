"""All faults on all exchanges for a day: whatever a feed offers as fresh is the exchange's truth, and lately so."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from acceptance.cex_stage import PAIRS, SECOND, open_cex_stage
from bot.feeds.cex.config import CexConfig
from bot.world.exchanges.faults import FAULTS, every_fault
from bot.world.exchanges.server import EXCHANGES

BLOCKS = int(os.environ.get("EXCHANGE_BLOCKS", "150"))
"""7,200 are a day."""
SEED = int(os.environ.get("EXCHANGE_SEED", "14"))
STEPS = 6
STEP_SECONDS = 2
FAULT_EVERY = 60
"""Blocks, on the average, between two faults of a kind on an exchange."""
RECOVERY_SECONDS = 600
DEPTHS = {"kraken": 10, "bybit": 50}
"""Levels a side that are compared, elsewhere all: Bybit sends no more, and a lost message about levels deeper than
Kraken's checksum covers cannot be noticed by anybody.
"""
FULL_SIZE = 1_000
MOST_GROWTH = 4_096
"""Bytes a block, after the first third."""

pytestmark = pytest.mark.timeout(3_600)
CONFIG = CexConfig()


class Judge:
    """Holds what the feeds say against the server's truth, after each step."""

    def __init__(self, stage):
        self.stage = stage
        self.books = Counter()
        self.quotes = Counter()
        self.asked = Counter()
        self.stale = Counter()
        """(exchange, reason without its numbers) -> how often."""

    def look(self, *, whole):
        """`whole`: books to their depth; else their best levels, when nothing new has come for as long as it gets."""
        now = self.stage.clock.monotonic()
        for name, feed in self.stage.feeds.items():
            for index, pair in enumerate(PAIRS[name]):
                self.asked[name] += 1
                reason = feed.is_fresh(pair, now)
                if reason is None:
                    self.books[name] += 1
                    self.judge_book(name, feed.book(pair), index, DEPTHS.get(name, 0) if whole else 1)
                else:
                    self.stale[name, "".join(c for c in reason if not c.isdigit())[:40]] += 1
                quote = feed.quote(pair, now)
                if quote is not None and quote.stale is None:
                    self.quotes[name] += 1
                    self.judge_quote(name, feed, quote, index)

    def judge_book(self, name, book, index, depth):
        truth = self.truth(name, index, book, serial=0, depth=depth)
        assert truth is not None, f"{name}: a fresh book of a state that never was: id {book.last_id}"
        bids, asks = book.top(depth or max(book.bid_count, book.ask_count))
        assert (tuple(bids), tuple(asks)) == (truth.bids, truth.asks), name
        self.assert_current(name, truth)

    def judge_quote(self, name, feed, quote, index):
        """The best levels of the state that either the record of the best or the book says it is."""
        reader = feed.connection.reader
        numbers = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        truths = [
            truth
            for serial, priced in ((1, reader.quotes[index]), (0, reader.books[index]))
            if priced.best() == numbers and (truth := self.truth(name, index, priced, serial, 1)) is not None
        ]
        assert any((*truth.bids[0], *truth.asks[0]) == numbers for truth in truths), (name, quote)
        self.assert_current(name, max(truths, key=lambda truth: truth.since))

    def assert_current(self, name, truth):
        behind = 0 if truth.until is None else self.stage.clock.utc() - truth.until
        allowed = CONFIG.quote_age + CONFIG.quote_lag
        assert behind <= allowed, f"{name}: offered as fresh {behind / SECOND:.3f} s after it was true"

    def truth(self, name, index, priced, serial, depth):
        symbol = self.stage.feeds[name].venue.symbol(PAIRS[name][index])
        number = priced.exchange_time if name in ("kraken", "coinbase") else priced.last_id
        serial = serial if name == "bybit" else None
        return self.stage.server.truth(name, symbol, number, serial=serial, depth=depth)


async def test_what_is_fresh_is_true_whatever_goes_wrong(say):
    started, memory = time.monotonic(), []
    async with open_cex_stage(SEED, steps=STEPS, faults=every_fault(FAULT_EVERY)) as stage:
        judge = Judge(stage)
        for block in range(BLOCKS):
            for _ in range(STEPS):
                await step(stage, judge)
            memory.append((block, resident()))
        await recover(stage, judge)
        story = stage.server.story
        counters = {name: feed.counters for name, feed in stage.feeds.items()}
    report(say, judge, story, counters, time.monotonic() - started)
    for name in EXCHANGES:
        assert judge.books[name] > judge.asked[name] / 4, f"{name} was hardly ever fresh: {judge.stale}"
        assert judge.quotes[name] > judge.asked[name] / 4, name
    assert_all_happened_and_were_noticed(story, counters)
    reasons = {reason for _, reason in judge.stale}
    assert any("behind" in reason for reason in reasons), "no clock jump made anything stale"
    assert any("last frame" in reason for reason in reasons), "no stall made anything stale"
    slope = growth(memory)
    say(f"memory: {slope:+.0f} bytes a block, {memory[-1][1] / 2**20:.0f} MiB at the end")
    if BLOCKS >= FULL_SIZE:
        assert slope < MOST_GROWTH


async def step(stage, judge):
    await stage.wait(STEP_SECONDS)
    judge.look(whole=False)
    await stage.move()
    judge.look(whole=True)


async def recover(stage, judge):
    """Nothing new goes wrong: every book comes back."""
    stage.server.end_faults()
    for _ in range(RECOVERY_SECONDS // STEP_SECONDS):
        await step(stage, judge)
        now = stage.clock.monotonic()
        reasons = {
            (name, pair): reason
            for name, feed in stage.feeds.items()
            for pair in PAIRS[name]
            if (reason := feed.is_fresh(pair, now)) is not None
        }
        if not reasons:
            return
    raise AssertionError(f"not fresh {RECOVERY_SECONDS} s after the last fault: {reasons}")


def assert_all_happened_and_were_noticed(story, counters):
    happened = {kind: sum(one.get(kind, 0) for one in story.values()) for kind in FAULTS}
    assert all(happened.values()), f"this seed and size leave out a fault: {happened}"
    for name, one in story.items():
        noticed = counters[name]
        # Any of them may befall a connection that is lost anyway, so that not each is counted by itself.
        if one.get("gap", 0) + one.get("out_of_order", 0) + one.get("wrong_checksum", 0) > 1:
            assert noticed.gaps + noticed.checksums > 0, f"{name}: {one}"
        for kind, count in (
            ("malformed", noticed.malformed),
            ("half_open", noticed.half_open),
            ("maintenance", noticed.reconnects + noticed.hand_overs),
        ):
            assert count or not one.get(kind), f"{name}: {kind} was not noticed"
        assert {"too_many_messages", "too_many_attempts", "no_pong", "no_subscription"}.isdisjoint(one), name
    assert counters["kraken"].checksums > 0
    assert counters["okx"].checksums > 0
    assert counters["binance"].duplicates > 0
    assert counters["binance"].hand_overs > 0
    assert sum(one.too_fast for one in counters.values()) > 0


def report(say, judge, story, counters, seconds):
    checks = sum(judge.books.values()) + sum(judge.quotes.values())
    say(f"{BLOCKS} blocks of seed {SEED} in {seconds:.0f} s: {checks} fresh books and quotes are true")
    for name in EXCHANGES:
        share = judge.books[name] / judge.asked[name]
        struck = ", ".join(f"{kind} {count}" for kind, count in sorted(story[name].items()))
        one = counters[name]
        say(
            f"{name}: books fresh {share:.0%}; {struck}; gaps {one.gaps}, checksums {one.checksums}, crossed "
            f"{one.crossed}, malformed {one.malformed}, duplicates {one.duplicates}, half open {one.half_open}, "
            f"resyncs {one.resyncs}, reconnects {one.reconnects}, hand-overs {one.hand_overs}"
        )


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(memory):
    """Least-squares slope after the first third, bytes a block."""
    kept = memory[len(memory) // 3 :]
    mean_block = sum(block for block, _ in kept) / len(kept)
    mean = sum(size for _, size in kept) / len(kept)
    above = sum((block - mean_block) * (size - mean) for block, size in kept)
    return above / max(sum((block - mean_block) ** 2 for block, _ in kept), 1)
