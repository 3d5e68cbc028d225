"""What the tests of the recorder share: a small recorder, and its records without what each file repeats."""

from bot.clock import SystemClock
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.feeds.recording_format import Kind

SMALL = RecorderConfig(block_bytes=4096, backlog_bytes=4 * 4096, kept_free=0)
URL = "wss://exchange.example"


def without_heading(records):
    return [record for record in records if record.kind not in (Kind.DESCRIBED, Kind.CONTINUED)]


async def record(folder, config, work):
    recorder = Recorder(folder, config, SystemClock())
    await work(recorder)
    await recorder.close()
    return recorder.counters
