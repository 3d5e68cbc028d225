"""Frames broken in every way we could think of, each read from the same state by the reader and by the oracle.

A frame that is refused changes no word of any book or quote. One that is taken gives what the oracle makes of it; where the
oracle finds no JSON, the break lies in something that means nothing to us: then it gives what the whole frame gives.
"""

import json
import random
from collections import Counter

import numpy as np
from frame_stage import DEPTHS, SYMBOLS, Twins
from frame_writer import Exchange

from bot.feeds.cex.frame_layout import LEVELS_AT, NEXT_SEQUENCE, RECORDS_END
from bot.feeds.cex.frame_reader import Outcome

TOKENS = (
    b"null", b"true", b"NaN", b"Infinity", b"-Infinity", b"-1", b"1e5", b"1E400", b'""', b'"NaN"', b'"-1"', b'"1e5"', b"[]", b"{}",
    b"[[]]", b'["1"]', b'[["1"]]', b"9" * 400, b'"' + b"9" * 30 + b'"', b"0." + b"0" * 300 + b"1", b"0", b"1.", b'".5"', b"01",
    b'"\\u0031"', b"18446744073709551616", b"-9223372036854775809", b'[["1","2"],["3"]]', b'{"price":1}', b'[{"price":1}]',
)  # fmt: skip
STRUCTURE = b'{}[]",:\\\x00 0-.eEnt'
UNSYNC = {Outcome.GAP, Outcome.SEQUENCE_LOST, Outcome.CHECKSUM, Outcome.CROSSED, Outcome.INEXACT}
TAKEN = {Outcome.BOOK, Outcome.QUOTE}


def flipped(frame, chance):
    place = chance.randrange(len(frame))
    return frame[:place] + bytes([frame[place] ^ (1 << chance.randrange(8))]) + frame[place + 1 :]


def replaced(frame, chance):
    place = chance.randrange(len(frame))
    return frame[:place] + bytes([chance.choice(STRUCTURE)]) + frame[place + 1 :]


def inserted(frame, chance):
    place = chance.randrange(len(frame) + 1)
    return frame[:place] + bytes([chance.choice(STRUCTURE)]) + frame[place:]


def cut_out(frame, chance):
    place = chance.randrange(len(frame))
    return frame[:place] + frame[place + chance.choice((1, 1, 2, 5, 30)) :]


def doubled(frame, chance):
    start = chance.randrange(len(frame))
    end = min(len(frame), start + chance.choice((1, 3, 10, 60)))
    return frame[:end] + frame[start:]


def truncated(frame, chance):
    return frame[: chance.randrange(len(frame))]


def value_changed(frame, chance):
    """Another token where a value begins."""
    starts = [place + 1 for place, byte in enumerate(frame) if byte in b":[,"]
    place = chance.choice(starts)
    end = place
    while end < len(frame) and frame[end] not in b",]}":
        end += 1
    return frame[:place] + chance.choice(TOKENS) + frame[end:]


def nested(frame, chance):
    depth = chance.choice((5, 100, 5_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    end = closing * (depth if chance.random() < 0.5 else chance.randrange(depth))
    value = opening * depth + b"1" + end
    return frame.replace(b"{", b'{"unknown":' + value + b",", 1) if chance.random() < 0.5 else value


def noise(frame, chance):
    return chance.randbytes(chance.randrange(1, 60)) if chance.random() < 0.5 else frame + chance.randbytes(3)


def member_renamed(frame, chance):
    quotes = [
        place for place, byte in enumerate(frame[:-1]) if byte == ord('"') and frame[place + 1] != ord('"')
    ]
    place = chance.choice(quotes)
    return frame[: place + 1] + b"x" + frame[place + 2 :]


MUTATIONS = (
    flipped, replaced, inserted, cut_out, doubled, truncated, value_changed, value_changed, nested, noise, member_renamed,
)  # fmt: skip


def repeats_a_member(payload):
    """JSON leaves open what a member twice means; the reader refuses it where it matters."""
    found = []

    def look(pairs):
        found.append(len(pairs) != len(dict(pairs)))
        return dict(pairs)

    try:
        json.loads(payload.decode(errors="replace"), object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return any(found)


def says_twice(payload):
    """Binance's data stand in `data` or at the top; a member in both places is refused."""
    top = json.loads(payload.decode(errors="replace"))
    return "data" in top and bool(
        set(top) & {"e", "E", "s", "U", "u", "pu", "b", "B", "a", "A", "bids", "asks"}
    )


class Fuzz:
    """One exchange. `step` reads broken versions of the next frame, then the frame itself."""

    def __init__(self, name, seed, twins=Twins):
        self.name, self.chance = name, random.Random(f"{name} {seed}")
        depth = DEPTHS["kraken"] if name == "kraken" else None
        self.exchange = Exchange(name, SYMBOLS[name], self.chance, is_plain=True, depth=depth, levels=8)
        self.twins = twins(name, capacity=64)
        self.words = self.twins.reader._words
        self.end = int(self.words[LEVELS_AT])
        self.kinds = Counter()
        if name.startswith("binance"):
            for symbol in SYMBOLS[name]:
                assert self.twins.load(symbol, self.exchange.rest_snapshot(symbol)) == "BOOK"

    def step(self, mutants, *, every_cut=False):
        frame = self.exchange.frame()
        cases = [(self.chance.choice(MUTATIONS), None) for _ in range(mutants)]
        payloads = [(mutation.__name__, mutation(frame, self.chance)) for mutation, _ in cases]
        if every_cut:
            payloads += [("truncated", frame[:length]) for length in range(len(frame))]
        before, oracle = np.array(self.words[: self.end]), self.twins.oracle
        for kind, payload in payloads:
            self.twins.oracle = oracle.clone()
            self.check(kind, payload, frame, before, oracle)
            self.words[: self.end] = before
        self.twins.oracle = oracle
        self.kinds[f"whole: {self.twins.read(frame)}"] += 1
        return len(payloads)

    def check(self, kind, payload, frame, before, oracle):
        outcome = Outcome(self.twins.reader.read(payload, 10**15) & 255)
        expected, _ = self.twins.oracle.read(payload)
        self.kinds[f"{kind}: {outcome.name}"] += 1
        is_about_one = payload.count(b'"product_id"') < 2
        if outcome is Outcome.MALFORMED or (is_about_one and outcome not in TAKEN and outcome not in UNSYNC):
            self.assert_unchanged(before, payload, outcome)
        if expected == outcome.name:
            self.assert_equal(payload)
        elif outcome is Outcome.MALFORMED:
            assert self.is_stricter(payload, expected), (expected, payload)
        elif expected == "MALFORMED" and payload != frame:
            self.assert_as_whole(payload, outcome, frame, oracle)
        else:
            assert outcome not in TAKEN, (outcome, expected, payload)
            assert expected not in ("BOOK", "QUOTE"), (outcome, expected, payload)

    def assert_equal(self, payload):
        try:
            self.twins.compare()
        except AssertionError as error:
            raise AssertionError(f"read otherwise than by the oracle: {payload!r}") from error

    def is_stricter(self, payload, expected):
        """Refused though the oracle takes it: a member twice, an escape in a text, a wrong value in what is not for us."""
        is_about_several = payload.count(b'"updates"') > 1
        is_taken = expected in ("BOOK", "QUOTE")
        return (
            not is_taken
            or is_about_several
            or b"\\" in payload
            or repeats_a_member(payload)
            or (self.name.startswith("binance") and says_twice(payload))
        )

    def assert_as_whole(self, payload, outcome, frame, oracle):
        """The oracle finds it malformed: then something without meaning to us is, and the rest is the whole frame's."""
        if outcome not in TAKEN:
            return
        self.twins.oracle = oracle.clone()
        assert self.twins.oracle.read(frame)[0] == outcome.name, payload
        self.assert_equal(payload)
        self.kinds["taken, broken where nothing is meant"] += 1

    def assert_unchanged(self, before, payload, outcome):
        """Symbols, quotes and books: all that is behind the records of the frame."""
        at = RECORDS_END
        if not np.array_equal(np.array(self.words[at : self.end]), before[at:]):
            raise AssertionError(f"{outcome.name} changed a book or quote: {payload!r}")
        if self.name != "coinbase" or outcome is Outcome.MALFORMED:
            assert self.words[NEXT_SEQUENCE] == before[NEXT_SEQUENCE]


def run(names, seed, count, mutants=40, twins=Twins):
    """Outcomes by kind of break over `count` broken frames of each exchange."""
    kinds = Counter()
    for name in names:
        fuzz, done = Fuzz(name, seed, twins), 0
        while done < count:
            done += fuzz.step(mutants, every_cut=fuzz.chance.random() < 0.02)
        kinds.update({f"{name} {kind}": found for kind, found in fuzz.kinds.items()})
    return kinds
