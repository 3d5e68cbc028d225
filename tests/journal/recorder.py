"""A process that records without end and says on stdout, after each return, how many are safe. Made to be killed."""

import asyncio
import sys
from pathlib import Path

from journal_samples import RUN, WRAPPED_NATIVE, attempt, block, intent, outcome, payload

from bot.journal.store import open_journal


async def main(path: Path, start: int) -> None:
    journal = open_journal(path, WRAPPED_NATIVE)
    if start == 0:
        await journal.record_run(RUN)
    index = start
    while True:
        await journal.record_intent(intent(index))
        print(f"intent {index}", flush=True)
        await journal.record_payload(payload(index))
        print(f"payload {index}", flush=True)
        await asyncio.gather(
            journal.record_attempt(attempt(index)),
            journal.record_outcome(outcome(index)),
            journal.record_block(block(index)),
        )
        print(f"block {index}", flush=True)
        index += 1


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
