"""The write-ahead log is copied back between blocks, by the writer, and no commit stops for it."""

from journal_samples import RUN, WRAPPED_NATIVE, block, drop

from bot.journal.read import JournalReader
from bot.journal.store import open_journal

ENOUGH = 300
"""Drops that fill more than the thousand pages after which SQLite by itself would copy back inside a commit."""


async def test_copied_back_when_a_block_is_recorded_and_not_before(tmp_path):
    path = tmp_path / "journal.sqlite3"
    log = tmp_path / "journal.sqlite3-wal"
    store = open_journal(path, WRAPPED_NATIVE)
    await store.record_run(RUN)
    before = path.read_bytes()
    for index in range(ENOUGH):
        await store.record_drop(drop(index))
    assert log.stat().st_size > 4096 * 1_000
    assert path.read_bytes() == before, "nothing but the log was written while a block was worked on"
    await store.record_block(block(101))
    await store.run_count()  # answered by the same thread after it has tidied up
    assert path.stat().st_size > len(before)
    grown = log.stat().st_size
    for index in range(ENOUGH, ENOUGH + 20):
        await store.record_drop(drop(index))
    assert log.stat().st_size == grown, "the log is written over from its beginning"
    await store.close()
    assert [one.plan.id for one in JournalReader(path).drops("run-1")] == [
        drop(index).plan.id for index in range(ENOUGH + 20)
    ]


async def test_a_reader_in_the_middle_of_its_work_is_not_disturbed(tmp_path):
    path = tmp_path / "journal.sqlite3"
    store = open_journal(path, WRAPPED_NATIVE)
    await store.record_run(RUN)
    await store.record_block(block(100))
    reader = JournalReader(path)
    with reader._engine.connect() as held:
        count = "SELECT count(*) FROM blocks"
        assert held.exec_driver_sql(count).scalar() == 1
        await store.record_block(block(101))
        await store.record_block(block(102))
        assert held.exec_driver_sql(count).scalar() == 1, "its moment stands still"
    assert len(reader.blocks("run-1")) == 3
    await store.close()
