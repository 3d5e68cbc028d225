"""Opening the journal's file: created when there is none, refused with the reason when it is not ours to read."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from bot.core.errors import BadConfiguration
from bot.journal.tables import METADATA, SCHEMA_VERSION

_BUSY_SECONDS = 5.0
_MAGIC = b"SQLite format 3\x00"
"""https://www.sqlite.org/fileformat.html, section 1.3."""


def open_for_writing(path: Path) -> Engine:
    """One connection, WAL, every commit synced to disk. Creates the schema in a file that is new or empty.

    No commit stops to copy the log into the file; the writer does that between blocks (`copy_log_back`).
    Raises BadConfiguration for a file that is corrupt, newer, or another program's; it is left as it was.
    """
    if path.exists() and path.stat().st_size:
        _refuse_foreign(path, thorough=True)
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "rwc"), poolclass=StaticPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=0"):
            cursor = connection.connection.cursor()
            cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
    with engine.begin() as connection:
        METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
    return engine


def open_for_reading(path: Path) -> Engine:
    """Sees what is committed, also while a bot writes; can change nothing. Raises BadConfiguration."""
    if not path.is_file():
        raise BadConfiguration(f"there is no journal at {path}: has a bot run with this data folder?")
    _refuse_foreign(path, thorough=False)
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "ro"), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def copy_log_back(connection: Connection) -> None:
    """Move what the WAL holds into the file, as far as no reader needs it (`PRAGMA wal_checkpoint(PASSIVE)`).

    The next commits then write over the log from its beginning, which syncs sooner than making it longer. The first
    of them would sync the log's new header too: a commit that changes nothing does so here.
    """
    cursor = connection.connection.cursor()  # outside of any transaction, which could not copy its own log
    try:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.fetchall()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            cursor.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except sqlite3.Error:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
    finally:
        cursor.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """`isolation_level=None` keeps the driver from opening transactions of its own."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # opened at start, used by the writer thread alone from then on
    )


def _refuse_foreign(path: Path, *, thorough: bool) -> None:
    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    if magic and magic != _MAGIC:
        raise _corrupt(path, "it does not begin as an SQLite file")
    try:
        connection = _connect(path, "ro")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")
            }
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if thorough else "ok"
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _corrupt(path, str(error)) from error
    if version > SCHEMA_VERSION:
        raise BadConfiguration(
            f"{path} has schema {version}, this program knows {SCHEMA_VERSION}: run the newer program that wrote it"
        )
    if version == 0 and not tables and problem == "ok":
        return  # a bot was killed while it made the file: there is nothing in it yet
    if version != SCHEMA_VERSION or not tables >= set(METADATA.tables):
        raise BadConfiguration(f"{path} is a database of another program: point BOT_DATA_DIR elsewhere")
    if problem != "ok":
        raise _corrupt(path, problem)


def _corrupt(path: Path, why: str) -> BadConfiguration:
    return BadConfiguration(
        f"{path} cannot be read as a journal ({why}). It was left as it is: restore it from a back-up, or make sure on"
        " chain that nothing of this bot is unlanded and move it away"
    )
