"""The recorder in one line: every counter that says something is missing is in it."""

from bot.feeds.recording_files import RecorderCounters
from bot.ops.recording_line import recorder_line


def test_a_recording_without_trouble_is_its_size():
    counters = RecorderCounters(written_bytes=12_340_000, files=1)
    assert recorder_line(counters) == "recording: 12.3 MB in 1 file"


def test_what_is_missing_is_said():
    counters = RecorderCounters(
        dropped=1_500, lost=7, written_bytes=0, files=2, deleted_files=3, deleted_bytes=9_000_000, failures=1
    )
    assert recorder_line(counters) == (
        "recording: 0.0 MB in 2 files; 1,500 records dropped (the disk is slow);"
        " 7 records lost (1 stretch without a disk to write to); 3 old files deleted for the cap (9.0 MB)"
    )
