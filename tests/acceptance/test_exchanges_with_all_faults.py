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
SEED = int(os.environ.get("EXCHANGE_SEED", "11"))
STEPS = 6
STEP_SECONDS = 2
FAULT_EVERY = 60
"""Blocks, on the average, between two faults of a kind on an exchange."""
RECOVERY_SECONDS = 600
KRAKEN_CHECKED = 10
"""Levels its checksum covers: a lost message about deeper ones cannot be noticed by anybody."""
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

    def look(self):
        now = self.stage.clock.monotonic()
        for name, feed in self.stage.feeds.items():
            for index, pair in enumerate(PAIRS[name]):
                self.asked[name] += 1
                reason = feed.is_fresh(pair, now)
                if reason is None:
                    self.books[name] += 1
                    self.judge_book(name, feed.book(pair), index)
                else:
                    self.stale[name, "".join(c for c in reason if not c.isdigit())[:40]] += 1
                quote = feed.quote(pair, now)
                if quote is not None and quote.stale is None:
                    self.quotes[name] += 1
                    self.judge_quote(name, feed, quote, index)

    def judge_book(self, name, book, index):
        truth = self.truth(name, index, book, serial=0)
        assert truth is not None, f"{name}: a fresh book of a state that never was: id {book.last_id}"
        depth = {"kraken": KRAKEN_CHECKED, "bybit": 50}.get(name)
        bids, asks = book.top(max(book.bid_count, book.ask_count))
        assert tuple(bids[:depth]) == truth.bids[:depth], name
        assert tuple(asks[:depth]) == truth.asks[:depth], name
        assert len(bids) >= KRAKEN_CHECKED
        self.assert_current(name, truth)

    def judge_quote(self, name, feed, quote, index):
        """The best levels of the state that either the record of the best or the book says it is."""
        reader = feed.connection.reader
        numbers = (quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        truths = [
            truth
            for serial, priced in ((1, reader.quotes[index]), (0, reader.books[index]))
            if priced.best() == numbers and (truth := self.truth(name, index, priced, serial)) is not None
        ]
        assert any((*truth.bids[0], *truth.asks[0]) == numbers for truth in truths), (name, quote)
        self.assert_current(name, max(truths, key=lambda truth: truth.since))

    def assert_current(self, name, truth):
        behind = 0 if truth.until is None else self.stage.clock.utc() - truth.until
        allowed = CONFIG.quote_age + CONFIG.quote_lag
        assert behind <= allowed, f"{name}: offered as fresh {behind / SECOND:.3f} s after it was true"

    def truth(self, name, index, priced, serial):
        symbol = self.stage.feeds[name].venue.symbol(PAIRS[name][index])
        if name in ("kraken", "coinbase"):
            return self.stage.server.truth(name, symbol, priced.exchange_time)
        return self.stage.server.truth(
            name, symbol, priced.last_id, serial=serial if name == "bybit" else None
        )


async def test_what_is_fresh_is_true_whatever_goes_wrong(say):
    started, memory = time.monotonic(), []
    async with open_cex_stage(SEED, steps=STEPS, faults=every_fault(FAULT_EVERY)) as stage:
        judge = Judge(stage)
        for block in range(BLOCKS):
            for _ in range(STEPS):
                await stage.step(STEP_SECONDS)
                judge.look()
            memory.append((block, resident()))
        await recover(stage, judge)
        story = stage.server.story
        counters = {name: feed.counters for name, feed in stage.feeds.items()}
    report(say, judge, story, counters, time.monotonic() - started)
    for name in EXCHANGES:
        assert judge.books[name] > judge.asked[name] / 4, f"{name} was hardly ever fresh: {judge.stale}"
        assert judge.quotes[name] > judge.asked[name] / 4, name
    assert_all_happened_and_were_noticed(story, counters)
    slope = growth(memory)
    say(f"memory: {slope:+.0f} bytes a block, {memory[-1][1] / 2**20:.0f} MiB at the end")
    if BLOCKS >= FULL_SIZE:
        assert slope < MOST_GROWTH


async def recover(stage, judge):
    """Nothing new goes wrong: every book comes back."""
    stage.server.end_faults()
    for _ in range(RECOVERY_SECONDS // STEP_SECONDS):
        await stage.step(STEP_SECONDS)
        judge.look()
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
    noticed = {
        field: {name: getattr(counter, field) for name, counter in counters.items()}
        for field in (
            "gaps",
            "checksums",
            "malformed",
            "duplicates",
            "half_open",
            "reconnects",
            "resyncs",
            "hand_overs",
        )
    }
    for name, one in story.items():
        breaks = noticed["gaps"][name] + noticed["checksums"][name]
        if one.get("gap") and name != "kraken":
            assert breaks >= 1, f"{name}: {one}"
        assert bool(one.get("malformed")) <= bool(noticed["malformed"][name]), name
        assert bool(one.get("half_open")) <= bool(noticed["half_open"][name]), name
        assert bool(one.get("maintenance")) <= bool(noticed["reconnects"][name]), name
        assert not any(word.startswith(("too_many_m", "too_many_a", "no_")) for word in one), f"{name}: {one}"
    assert noticed["checksums"]["kraken"] >= story["kraken"].get("wrong_checksum", 0) > 0
    assert noticed["duplicates"]["binance"] >= story["binance"].get("duplicate", 0) > 0
    assert noticed["hand_overs"]["binance"] >= 1


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
