"""One thread, one connection, one queue: what waits together is committed together, in the order it came."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bot.core.errors import BrokenInvariant, StopTheBot, Unreachable
from bot.journal.database import copy_log_back

T = TypeVar("T")


class _Job(Generic[T]):
    """Work for the writer, and the future of whoever waits for it."""

    def __init__(self, work: Callable[[Connection], T], *, ends_block: bool) -> None:
        self.work = work
        self.ends_block = ends_block
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[T] = self._loop.create_future()
        self._result: T | None = None
        self._error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Raises IntegrityError for a record that breaks a rule of the schema."""
        self._result = self.work(connection)

    def run_alone(self, connection: Connection) -> None:
        """A record that breaks a rule of the schema is undone alone; the others of its commit stand."""
        try:
            with connection.begin_nested():
                self._result = self.work(connection)
        except IntegrityError as error:
            self._error = BrokenInvariant(f"the journal refused a record, nothing was written: {error.orig}")

    def fail(self, error: Exception) -> None:
        self._error = error

    def deliver(self) -> None:
        """Wake the waiter, on its own loop; one that has gone away needs no answer."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.done.done():
            return
        if self._error is not None:
            self.done.set_exception(self._error)
        else:
            self.done.set_result(self._result)  # type: ignore[arg-type]  # T may itself be None


class Writer:
    """Runs work inside transactions. After a failed commit it refuses everything: the disk is not to be trusted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._failure: StopTheBot | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T], *, ends_block: bool = False) -> T:
        """The result of `work`, after its commit is on disk. `ends_block`: nobody will wait for a commit for a while.

        Raises BrokenInvariant when the schema refuses it (duplicate, missing parent), Unreachable when the disk does.
        """
        if self._is_closed:
            raise Unreachable("the journal is closed")
        job = _Job(work, ends_block=ends_block)
        self._jobs.put(job)
        return await job.done

    async def close(self) -> bool:
        """Returns when everything queued is committed; False if it was closed before."""
        if self._is_closed:
            return False
        self._is_closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        return True

    def _run(self) -> None:
        with self._engine.connect() as connection:
            is_open = True
            while is_open:
                jobs, is_open = self._waiting()
                self._commit(connection, jobs)
                for job in jobs:
                    job.deliver()
                if any(job.ends_block for job in jobs) and self._jobs.empty():
                    self._tidy(connection)

    def _tidy(self, connection: Connection) -> None:
        """Between blocks. A disk that refuses here has lost nothing, and will refuse the next commit too."""
        if self._failure is None:
            with contextlib.suppress(sqlite3.Error):
                copy_log_back(connection)

    def _waiting(self) -> tuple[list[_Job[Any]], bool]:
        """All jobs there are, at least one; False when the queue was closed after them."""
        jobs: list[_Job[Any]] = []
        item = self._jobs.get()
        while item is not None:
            jobs.append(item)
            if self._jobs.empty():
                return jobs, True
            item = self._jobs.get()
        return jobs, False

    def _write(self, connection: Connection, jobs: list[_Job[Any]]) -> None:
        """One transaction. Only when the schema refuses one of them does each get a savepoint of its own."""
        try:
            with connection.begin():
                for job in jobs:
                    job.run(connection)
        except IntegrityError:
            with connection.begin():
                for job in jobs:
                    job.run_alone(connection)

    def _commit(self, connection: Connection, jobs: list[_Job[Any]]) -> None:
        if self._failure is None and jobs:
            try:
                self._write(connection, jobs)
            except Exception as error:  # noqa: BLE001  # whatever stops a commit must reach those who wait for it
                cause = error.orig if isinstance(error, SQLAlchemyError) and hasattr(error, "orig") else error
                self._failure = Unreachable(
                    f"the journal cannot be written ({cause}): nothing more is signed; free the disk and start again"
                )
        if self._failure is not None:
            for job in jobs:
                job.fail(self._failure)
