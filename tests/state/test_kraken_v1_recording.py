"""Real books against the exchange's own CRC32: every one of a recording's checksums, and digits changed on purpose."""

import json
import random
import zlib

import pytest

from tests.kraken_v1_frames import KrakenV1Book, KrakenV1Frames, recorded_frames

RECORDING = "KRAKEN.ws.50.0.gz"
CHECKSUMS = 4_269


@pytest.fixture(scope="module")
def recorded():
    return {}


@pytest.fixture
def frames(ground_truth, recorded):
    folder = ground_truth("cex_frames")
    if not recorded:
        recorded["frames"] = recorded_frames(folder / RECORDING)
    return recorded["frames"]


def test_every_recorded_checksum(frames, ground_truth):
    reader = KrakenV1Frames()
    for frame in frames:
        reader.frame(frame)
    print(f"{reader.agreed:,} of {CHECKSUMS:,} recorded checksums, {len(reader.books)} books")
    assert reader.differed == []
    assert reader.agreed == CHECKSUMS
    assert len(reader.books) == 10
    for book in reader.books.values():
        bid, _, ask, _ = book.view.best()
        assert 0 < bid < ask
        assert min(book.view.bid_count, book.view.ask_count) > 25
    ground_truth.count(reader.agreed)


def test_a_changed_digit_fails_its_checksum(frames, ground_truth):
    """In 200 updates of sizes and prices within the ten best, one digit of one level; the frame before was right."""
    draw = random.Random(random.randrange(2**32))
    reader, changed, caught = KrakenV1Frames(), 0, 0
    for frame in frames:
        message = json.loads(frame)
        book = reader.books.get(message[-1]) if isinstance(message, list) else None
        if (
            changed < 200
            and book is not None
            and draw.random() < 0.1
            and _change_a_digit(message, book, draw)
        ):
            changed += 1
            caught += _copy(book).apply(message[1:-2]) is False
        reader.frame(frame)
    assert changed == 200
    assert caught == changed
    ground_truth.count(caught)


def _change_a_digit(message, book, draw):
    """Of the last level, where it stands in the ten best: earlier ones may be replaced in the same frame."""
    part = message[-3]
    side, levels = next((name, part[name]) for name in ("a", "b") if name in part)
    level = levels[-1]
    tenth = book.view.top(10)["ba".index(side)][-1:]
    digits = int(level[0].replace(".", ""))
    is_seen = tenth and (digits < tenth[0][0] if side == "a" else digits > tenth[0][0])
    if not is_seen or not level[1].strip("0."):
        return False
    place = draw.choice([i for i, byte in enumerate(level[1]) if byte in "123456789"])
    other = draw.choice([digit for digit in "123456789" if digit != level[1][place]])
    level[1] = level[1][:place] + other + level[1][place + 1 :]
    return True


def _copy(book):
    copy = KrakenV1Book(book.depth, book.view.price_decimals)
    copy.words[:] = book.words
    return copy


def test_both_sides_in_one_frame_republished_levels_and_the_depth():
    """Kraken's v1 forms that the recording has once or not at all."""
    book = KrakenV1Book(10, 1)
    bids = [[f"{99 - i}.0", "1.50000000", "1.0"] for i in range(10)]
    asks = [[f"{100 + i}.0", "0.00000500", "1.0"] for i in range(10)]
    assert book.apply([{"as": asks, "bs": bids}]) is None
    update = [
        {"a": [["100.0", "0.00000000", "2.0"], ["110.0", "3.00000000", "1.5", "r"]]},
        {"b": [["99.5", "2.00000000", "2.0"]], "c": "0"},
    ]
    assert book.apply(update) is False
    assert not book.view.is_synced
    assert (book.view.bid_count, book.view.ask_count) == (10, 10)
    book.apply([{"as": asks, "bs": bids}])
    text = "".join(f"{101 + i}0500" for i in range(9)) + "1100300000000"
    text += "995200000000" + "".join(f"{99 - i}0150000000" for i in range(9))
    update[1]["c"] = str(zlib.crc32(text.encode()))
    assert book.apply(update) is True
    assert book.view.best() == (995, 2 * 10**8, 1010, 500)
