"""SIGKILL at random instants: what was said to be safe is there, whole and in order."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from journal_samples import attempt, block, intent, numbered, outcome, payload

from bot.core.identity import intent_id
from bot.journal.read import JournalReader

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("JOURNAL_KILLS", "5"))


def record_until_killed(path, start, patience):
    """What the child said was safe before it was killed, oldest first."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent), str(HERE.parents[1])))
    }
    child = subprocess.Popen(
        [sys.executable, str(HERE / "recorder.py"), str(path), str(start)],
        env=environment,
        stdout=subprocess.PIPE,
    )
    first = child.stdout.readline()
    time.sleep(patience)
    child.kill()
    rest, _ = child.communicate()
    lines = (first + rest).decode().split("\n")[:-1]
    return [line.split() for line in lines]


def test_every_returned_record_survives_in_order_and_none_is_torn(tmp_path):
    path = tmp_path / "journal.sqlite3"
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    recorded = 0
    for _ in range(ROUNDS):
        safe = record_until_killed(path, recorded, rng.uniform(0, 0.25))
        assert safe, "the child recorded nothing"
        reader = JournalReader(path)
        stories = reader.stories("run-1")
        assert [story.id for story in stories] == [intent_id(numbered(i)) for i in range(len(stories))]
        for index, story in enumerate(stories):
            assert story.intent == intent(index)
            assert story.payloads in ((), (payload(index),))
            assert story.attempts in ((), (attempt(index),))
            assert story.outcomes in ((), (outcome(index),))
        blocks = [record.block.number for record in reader.blocks("run-1")]
        assert blocks == sorted(blocks)
        for kind, number in safe:
            assert int(number) < len(stories)
            story = stories[int(number)]
            assert kind == "intent" or story.payloads
            if kind == "block":
                assert story.attempts
                assert story.outcomes
                assert reader.blocks("run-1")[blocks.index(int(number))] == block(int(number))
        recorded = len(stories)
    print("recorded", recorded)
    assert recorded >= ROUNDS
