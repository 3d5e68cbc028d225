"""Random valid frames, and frames with one thing wrong, against the oracle: same outcome, same books, same quotes."""

import random
from collections import Counter

import pytest
from frame_stage import SYMBOLS, Twins
from frame_writer import Exchange
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = sorted(SYMBOLS)


def start(name, chance, **options):
    exchange = Exchange(name, SYMBOLS[name], chance, depth=10 if name == "kraken" else None, **options)
    twins = Twins(name)
    if name.startswith("binance"):
        for symbol in SYMBOLS[name]:
            assert twins.load(symbol, exchange.rest_snapshot(symbol)) == "BOOK"
    return exchange, twins


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_valid_frames_are_read_as_the_oracle_reads_them(name, seed):
    exchange, twins = start(name, random.Random(seed))
    outcomes = Counter(twins.read(exchange.frame()) for _ in range(60))
    twins.compare()
    assert outcomes["BOOK"] > 5
    assert not set(outcomes) & {"MALFORMED", "GAP", "CHECKSUM", "CROSSED", "SEQUENCE_LOST", "FOREIGN"}
    for index, symbol in enumerate(SYMBOLS[name]):
        if twins.reader.books[index].is_synced:
            served = {
                side: [tuple(level) for level in levels] for side, levels in exchange.whole(symbol).items()
            }
            bids, asks = twins.reader.books[index].top(100)
            assert [price for price, _ in bids] == [
                round(float(price) * 10**8) for price, _ in served["bids"]
            ]
            assert [price for price, _ in asks] == [
                round(float(price) * 10**8) for price, _ in served["asks"]
            ]


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_lost_repeated_and_swapped_frames_are_judged_as_the_oracle_does(name, seed):
    chance = random.Random(seed)
    exchange, twins = start(name, chance)
    frames = [exchange.frame() for _ in range(60)]
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(5, len(frames) - 1)
        fault = chance.choice(("lose", "repeat", "swap"))
        if fault == "lose":
            del frames[place]
        elif fault == "repeat":
            frames.insert(place + chance.choice((0, 0, 3)), frames[place])
        else:
            frames[place], frames[place - 1] = frames[place - 1], frames[place]
    for frame in frames:
        twins.read(frame)
        twins.compare()
