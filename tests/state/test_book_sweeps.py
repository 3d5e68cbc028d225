"""A small sweep of books under each venue's rules (`scripts/sweep books` is the full one), and some that must fail."""

import os
import random

import book_sweeps
import pytest
from book_sweeps import GROUP, RULES, sweep_books

OPERATIONS = int(os.environ.get("SWEEP_OPERATIONS", str(GROUP)))

EVERYWHERE = ["new", "change", "removal", "removal of none", "crossed", "whole books"]
ELSEWHERE = {
    "depth": ["cut to the depth"],
    "checksum": ["checksums"],
    "full": ["new on a full side", "new on a full side, the worst", "centred anew"],
}


@pytest.fixture
def seed():
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    return seed


@pytest.mark.parametrize("name", RULES)
def test_books(name, seed):
    sweep = sweep_books(name, seed, 0, OPERATIONS)
    assert sweep.differences == []
    assert sweep.operations == OPERATIONS
    rule = RULES[name]
    expected = EVERYWHERE + (ELSEWHERE["depth"] if rule.depth else [])
    expected += ELSEWHERE["checksum"] if rule.checksum else []
    expected += ELSEWHERE["full"] if name.startswith("full") else []
    missed = [kind for kind in expected if not sweep.kinds[kind]]
    assert not missed, f"{missed} in none of {OPERATIONS} operations: too few of them"
    assert sum(sweep.kinds[f"snapshot: {order}"] for order in ("best first", "worst first", "shuffled"))


def test_levels_that_were_not_put_are_found(seed, monkeypatch):
    puts = iter(range(10**9))
    ours = book_sweeps.put
    monkeypatch.setattr(book_sweeps, "put", lambda *level: None if next(puts) % 50 == 0 else ours(*level))
    assert sweep_books("full", seed, 0, GROUP).differences


def test_a_digit_of_a_text_is_found(seed, monkeypatch):
    """Every hundredth level has another digit in the text that its word is made of."""
    words = iter(range(10**9))
    ours = book_sweeps.kraken_text

    def other_digit(arena, tables, payload, *places):
        if next(words) % 100 == 0:
            last = places[-1] - 1
            payload = payload[:last] + (b"1" if payload[last] != ord("1") else b"2") + payload[last + 1 :]
        return ours(arena, tables, payload, *places)

    monkeypatch.setattr(book_sweeps, "kraken_text", other_digit)
    found = sweep_books("kraken 10", seed, 0, GROUP).differences
    assert found
    assert all("checksum" in difference for difference in found)


def test_a_book_that_is_not_cut_is_found(seed, monkeypatch):
    monkeypatch.setattr(book_sweeps, "truncate", lambda *_book: None)
    assert sweep_books("kraken 25", seed, 0, GROUP).differences
