"""Running the missing steps side by side."""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from setup_steps.checklist import Checklist, State
from setup_steps.processes import Processes, Stopped
from setup_steps.step import Step


def run(missing: Sequence[Step], checklist: Checklist, processes: Processes) -> None:
    """All steps side by side, save that one waits for what it needs; the first failure ends the others."""
    running: dict[int, Future[None]] = {}
    with ThreadPoolExecutor(max_workers=len(missing) or 1) as threads:
        try:
            for step in missing:
                needed = running.get(id(step.after))
                running[id(step)] = threads.submit(_make, step, needed, checklist, processes)
            unfinished = set(running.values())
            while unfinished:
                done, unfinished = wait(unfinished, timeout=0.2, return_when=FIRST_EXCEPTION)
                checklist.draw()
                _raise_first(done)
        finally:
            processes.stop()
            checklist.draw()


def _make(step: Step, needed: "Future[None] | None", checklist: Checklist, processes: Processes) -> None:
    if needed is not None and needed.exception() is not None:
        raise Stopped
    checklist.start(step.line)
    try:
        size = step.make(processes)
    except Stopped:
        step.line.state = State.WAITING
        raise
    except BaseException:
        checklist.end(step.line, State.FAILED)
        raise
    checklist.end(step.line, State.DONE, size)


def _raise_first(done: "set[Future[None]]") -> None:
    for future in done:
        failure = future.exception()
        if failure is not None and not isinstance(failure, Stopped):
            raise failure
