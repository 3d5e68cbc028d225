"""The hot path and the cold path agree: a documented control frame leaves the reader as one, and its books as they were."""

import pytest
from venue_frames import FRAMES

from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec
from bot.feeds.cex.venue import Heartbeat, Ignored
from bot.feeds.cex.venues import VENUES


def reader_of(venue):
    """Of pairs that no sample names, so that data of a sample's symbol would be foreign."""
    specs = [SymbolSpec(pair, venue.symbol(pair)) for pair in venue.default_pairs("SOL")]
    return FrameReader(venue.dialect, specs, venue.depth, venue.capacity)


@pytest.mark.parametrize("name", VENUES)
def test_documented_control_frames_are_not_taken_for_data_or_noise(name):
    venue = VENUES[name]
    told = 0
    for payload, _ in FRAMES[name]:
        outcome = reader_of(venue).read(payload, 10**9) & 0xFF
        if type(venue.control(payload)) is not Ignored:
            assert outcome == Outcome.CONTROL, payload
            told += 1
        else:
            assert outcome in (Outcome.CONTROL, Outcome.FOREIGN), payload
    assert told >= 5


@pytest.mark.parametrize("name", VENUES)
def test_control_frames_in_a_row_break_nothing(name):
    """One reader for all of a connection's; Coinbase counts them with the data."""
    venue = VENUES[name]
    reader = reader_of(venue)
    for payload, _ in FRAMES[name]:
        if name != "coinbase":
            assert reader.read(payload, 10**9) & 0xFF in (Outcome.CONTROL, Outcome.FOREIGN)
    assert not any(book.is_synced for book in reader.books)
    assert reader.least_delay is None


def test_heartbeats_and_answers_of_coinbase_count_in_the_connection_s_sequence():
    venue = VENUES["coinbase"]
    reader = reader_of(venue)
    numbered = [
        (payload, venue.control(payload)) for payload, _ in FRAMES["coinbase"] if b"sequence_num" in payload
    ]
    assert any(isinstance(control, Heartbeat) for _, control in numbered)
    outcomes = [Outcome(reader.read(payload, 10**9) & 0xFF) for payload, _ in numbered]
    assert Outcome.SEQUENCE_LOST not in outcomes
    skipped = numbered[1][0].replace(b'"sequence_num":1', b'"sequence_num":9')
    assert reader.read(skipped, 10**9) & 0xFF == Outcome.SEQUENCE_LOST
