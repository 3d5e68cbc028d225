"""Verdicts on disk: what was written is what is read, or nothing is."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.identity import BlockRef, keccak
from bot.journal.token_cache import load_verdicts, read_verdicts, save_verdicts
from bot.state.token_verdicts import Checked, Safe, Undecided, Unsafe

PROBE = keccak(b"probe")
CHAIN_ID = 31337
READS = 5
"""Between two writes of the other process."""
ROOT = Path(__file__).resolve().parents[2]


def made(generation, tokens=40):
    verdicts = itertools.cycle([Safe(), Unsafe("fee on sale", "10 sent, 9 arrived"), Undecided("silence")])
    return tuple(
        Checked(
            keccak(b"%d" % place)[12:],
            verdict,
            BlockRef(generation, keccak(b"%d" % generation)),
            generation * 10**9,
            frozenset(keccak(b"pool %d %d" % (place, pool))[12:] for pool in range(place % 3)),
        )
        for place, verdict in zip(range(tokens), verdicts, strict=False)
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "tokens.json"


def test_what_was_written_is_read(path):
    assert load_verdicts(path, CHAIN_ID, PROBE) == ((), None), "no file is no problem"
    save_verdicts(path, CHAIN_ID, PROBE, made(1))
    save_verdicts(path, CHAIN_ID, PROBE, made(2))
    assert load_verdicts(path, CHAIN_ID, PROBE) == (made(2), None)
    assert read_verdicts(path) == made(2)
    assert [entry.name for entry in path.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize(("chain_id", "probe"), [(1, PROBE), (CHAIN_ID, keccak(b"another"))])
def test_verdicts_of_another_chain_or_probe_are_not_used(path, chain_id, probe):
    save_verdicts(path, CHAIN_ID, PROBE, made(1))
    found, problem = load_verdicts(path, chain_id, probe)
    assert found == ()
    assert str(path) in problem


def test_a_file_cut_anywhere_is_an_empty_one_and_said_so(path):
    save_verdicts(path, CHAIN_ID, PROBE, made(1, tokens=3))
    whole = path.read_bytes()
    cuts = range(0, len(whole.rstrip()), 5)
    for length in cuts:
        path.write_bytes(whole[:length])
        found, problem = load_verdicts(path, CHAIN_ID, PROBE)
        assert found == ()
        assert f"{path} cannot be read" in problem
        assert read_verdicts(path) == ()
    assert len(cuts) > 100


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row | {"verdict": {"type": "fine"}},
        lambda row: row | {"token": row["token"][:-1]},
        lambda row: row | {"verdict": {"type": "unsafe"}},
        lambda row: row | {"block_hash": "00"},
        lambda row: row | {"at_ns": "soon"},
        lambda row: row | {"is_safe": True},
        lambda row: {key: value for key, value in row.items() if key != "verdict"},
    ],
)
def test_one_spoilt_row_spoils_the_file(path, spoil):
    save_verdicts(path, CHAIN_ID, PROBE, made(1))
    document = json.loads(path.read_bytes())
    document["tokens"][5] = spoil(document["tokens"][5])
    path.write_text(json.dumps(document))
    found, problem = load_verdicts(path, CHAIN_ID, PROBE)
    assert (found, "cannot be read" in problem) == ((), True)


def test_a_folder_in_its_place_is_said_so(path):
    path.mkdir(parents=True)
    found, problem = load_verdicts(path, CHAIN_ID, PROBE)
    assert (found, "Is a directory" in problem) == ((), True)


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from bot.journal.token_cache import save_verdicts
from tests.journal.test_token_cache import CHAIN_ID, PROBE, made
generation = int(sys.argv[2])
while True:
    generation += 1
    save_verdicts(Path(sys.argv[1]), CHAIN_ID, PROBE, made(generation, tokens=400))
    print(generation, flush=True)
"""


def test_killed_while_it_writes_nothing_is_lost_and_nothing_invented(path):
    """SIGKILL at whatever instant: what is there is the last generation that was told of, or the one after it.

    Whoever reads while it writes never sees half a file either.
    """
    told = 0
    for kill in range(4):
        command = [sys.executable, "-c", WRITER.format(root=str(ROOT)), str(path), str(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            for _ in range(3 + 4 * kill):
                told = int(writer.stdout.readline())
                for _ in range(READS):
                    assert load_verdicts(path, CHAIN_ID, PROBE)[1] is None
            os.kill(writer.pid, signal.SIGKILL)
            rest = writer.stdout.read().split()
        told = int(rest[-1]) if rest else told
        found, problem = load_verdicts(path, CHAIN_ID, PROBE)
        assert problem is None
        assert found in (made(told, tokens=400), made(told + 1, tokens=400))
        told = found[0].block.number
    assert told > 10
