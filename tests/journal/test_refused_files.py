"""A file that is not ours to write is refused with the reason and left byte for byte as it was."""

import random
import sqlite3

import pytest
from journal_samples import RUN, WRAPPED_NATIVE, block

from bot.core.errors import BadConfiguration
from bot.journal.read import JournalReader
from bot.journal.store import open_journal
from bot.journal.tables import SCHEMA_VERSION


@pytest.fixture
async def path(tmp_path):
    """A journal of a few hundred records, closed."""
    path = tmp_path / "journal.sqlite3"
    store = open_journal(path, WRAPPED_NATIVE)
    await store.record_run(RUN)
    for number in range(300):
        await store.record_block(block(number))
    await store.close()
    return path


def refused(path):
    before = path.read_bytes()
    with pytest.raises(BadConfiguration) as error:
        open_journal(path, WRAPPED_NATIVE)
    assert path.read_bytes() == before
    assert str(path) in str(error.value)
    return str(error.value)


async def test_newer(path):
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    db.close()
    assert f"has schema {SCHEMA_VERSION + 1}" in refused(path)
    with pytest.raises(BadConfiguration, match="has schema"):
        JournalReader(path)


def test_of_another_program(tmp_path):
    path = tmp_path / "journal.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    assert "another program" in refused(path)


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3\x00", bytes(4096), b"not a database\n" * 400])
def test_not_a_database(tmp_path, content):
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(content)
    assert "cannot be read as a journal" in refused(path)


async def test_damaged_pages(path):
    content = bytearray(path.read_bytes())
    rng = random.Random(1)
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = rng.randbytes(64)
    path.write_bytes(content)
    assert "cannot be read as a journal" in refused(path)


async def test_cut_short(path):
    path.write_bytes(path.read_bytes()[: 3 * 4096 + 100])
    assert "cannot be read as a journal" in refused(path)


def test_an_empty_file_is_a_bot_killed_at_its_birth(tmp_path):
    path = tmp_path / "journal.sqlite3"
    path.touch()
    open_journal(path, WRAPPED_NATIVE)


def test_a_reader_makes_no_journal(tmp_path):
    with pytest.raises(BadConfiguration, match="no journal at"):
        JournalReader(tmp_path / "journal.sqlite3")
    assert list(tmp_path.iterdir()) == []


async def test_a_run_is_needed(tmp_path):
    path = tmp_path / "journal.sqlite3"
    await open_journal(path, WRAPPED_NATIVE).close()
    with pytest.raises(BadConfiguration, match="no run yet"):
        JournalReader(path).latest_run()
