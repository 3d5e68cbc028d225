"""Bundles over relays of every kind with every fault, two builders, a hidden bidding law, leaking uncles and back-runs.

The bot runs at the market's own pace. Its journal is then held against the chain and the relays' logs by the oracle.
BUNDLES=2000 for the full size (scripts/sweep bundles); BUNDLE_SEED to repeat one.
"""

import base64
import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from oracle.back_run_judge import judge_back_runs
from oracle.chain_reader import ChainReader
from oracle.intent_judge import Intent, IntentJudge, exactly_one
from oracle.node import Node, data
from oracle.relay_judge import RelayJudge, read_blocks
from oracle.transaction_decoder import decode_transaction

from acceptance.processes import Family, bot, wait_for
from acceptance.public_mempool import PublicMempoolWatch
from acceptance.sizes import draw_seed

pytestmark = [pytest.mark.market, pytest.mark.slow]
BUNDLES = int(os.environ.get("BUNDLES", "50"))
SEED = int(os.environ.get("BUNDLE_SEED") or draw_seed())
PACE = os.environ.get("BUNDLE_PACE", "0.5 s")
SLOT_S = float(PACE.removesuffix(" s"))
FAULTS_EVERY, UNCLES_EVERY = (40, 30) if BUNDLES > 200 else (12, 8)
MARKET = (
    *("--relays", "all", "--private-flow", "40 %", "--relay-faults", str(FAULTS_EVERY)),
    *("--uncles", str(UNCLES_EVERY), "--hidden-law", "--pace", PACE),
)
TUNING = {"BOT_WINDOW_BLOCKS": "3", "BOT_RELAY_TIMEOUT": "400 ms", "BOT_LOG_LEVEL": "info"}
START_S, STEP_BLOCKS = 120.0, 10


@dataclass(frozen=True)
class Run:
    folder: Path
    market: dict
    report: dict
    announced: frozenset[bytes]
    reader: ChainReader

    @property
    def wallets(self) -> set[bytes]:
        return {data(address.lower()) for address in self.market["wallets"].values()}

    def intents(self) -> list[Intent]:
        return [intent for intent, _ in self._read()]

    def reason(self, intent: str) -> str:
        """In the bot's words."""
        return next(entry["reason"] for entry in self.report["bundles"] if entry["id"] == intent)

    def verdicts(self) -> dict[str, list[str]]:
        return {intent.id: said for intent, said in self._read()}

    def _read(self):
        with closing(sqlite3.connect(f"file:{self.folder / 'journal.sqlite3'}?mode=ro", uri=True)) as db:
            for name, record in db.execute("select id, record from intents order by seq").fetchall():
                plan = json.loads(record)["plan"]
                rows = {
                    table: [json.loads(one) for (one,) in db.execute(wanted, (name,))]
                    for table, wanted in _WANTED.items()
                }
                behind = plan.get("behind") or {}
                follows = (behind.get("transaction") or {}).get("hash")
                yield (
                    Intent(
                        id=name,
                        raws=tuple(base64.b64decode(one["raw"]) for one in rows["payloads"]),
                        aims=frozenset(one["target_block"] for one in rows["attempts"]),
                        answered={
                            (one["route"], one["target_block"]): one["answered_after"] / 1e9
                            for one in rows["attempts"]
                        },
                        first_block=plan["window"]["first_block"],
                        last_block=plan["window"]["last_block"],
                        follows=base64.b64decode(follows) if follows else None,
                    ),
                    [one["outcome"]["verdict"] for one in rows["outcomes"]],
                )


_WANTED = {
    table: f"select record from {table} where intent = ? order by seq"
    for table in ("payloads", "attempts", "outcomes")
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Played until so many bundles were signed."""
    folder = tmp_path_factory.mktemp("faults")
    with Family(folder) as family:
        command = bot("market", "--run-dir", folder, "--seed", str(SEED), *MARKET)
        process = family.start(command, "market")
        ready = folder / "market.json"
        wait_for(lambda: ready.exists() or process.poll() is not None, START_S)
        assert ready.exists(), family.said("market")
        market = json.loads(ready.read_text())
        env = ["--env-file", folder / "bot.env"]
        family.start(bot("signer", *env), "signer")
        with PublicMempoolWatch(market["endpoints"]["node_ws"]) as watch:
            report_file = folder / "report.json"
            child = family.start(bot("run", *env, "--plain", "--report", report_file), "bot", TUNING)
            limit = START_S + BUNDLES * 2
            wait_for(lambda: _signed(folder) >= BUNDLES or child.poll() is not None, limit, 0.5)
            assert child.poll() is None, f"seed {SEED}: the bot ended early\n{family.said('bot')}"
            child.terminate()
            code = child.wait(90)
        assert code == 0, f"seed {SEED}: exit code {code}\n{family.said('bot')}"
        assert process.poll() is None, family.said("market")
        reader = ChainReader(Node(market["endpoints"]["anvil_admin"]))
        yield Run(folder, market, json.loads(report_file.read_text()), frozenset(watch.hashes), reader)


@pytest.fixture(scope="module")
def blocks(run):
    """All canonical ones that the market has built by now."""
    return [
        run.reader.block(number) for number in range(run.market["first_block"] + 1, run.reader.head() + 1)
    ]


@pytest.fixture(scope="module")
def relays(run, blocks):
    mined = read_blocks(run.reader.node, blocks[0].number, blocks[-1].number)
    return RelayJudge(Path(run.market["request_log"]), Path(run.market["builder_log"]), mined)


@pytest.mark.timeout(7200)
def test_the_run_met_what_it_is_for(run, relays, say):
    """The sweep is not empty: bundles of both strategies, most kinds of faults, an uncle."""
    intents = run.intents()
    kinds, ends = relays.faults_met(), Counter(said[-1] for said in run.verdicts().values() if said)
    behind = sum(1 for entry in run.report["bundles"] if entry["strategy"] == "backrun")
    say(f"seed {SEED}: {len(intents)} intents, {behind} back-runs, {dict(ends)}, faults {sorted(kinds)}")
    assert sum(len(intent.raws) for intent in intents) >= BUNDLES
    assert behind
    assert len(kinds) >= (11 if BUNDLES >= 2000 else 4)
    assert len(ends) >= 2


def test_every_intent_has_one_verdict_and_it_is_true(run, blocks, relays, say):
    # The market goes on when the bot has ended: what an uncle leaked can be mined after its last look.
    seen = [block for block in blocks if block.number <= run.report["last_block"]]
    judge, said = IntentJudge(seen, relays, run.wallets, SLOT_S), run.verdicts()
    assert exactly_one(said) == [], f"seed {SEED}"
    false = []
    for intent in run.intents():
        truth = judge.verdicts(intent)
        if said[intent.id][-1] not in truth:
            false.append(f"{intent.id}: reported {said[intent.id]}, true is {truth}; {run.reason(intent.id)}")
    say(f"seed {SEED}: {len(said) - len(false)} of {len(said)} verdicts true")
    assert false == [], f"seed {SEED}"


def test_no_intent_lands_twice_or_outside_its_window_or_before_what_it_follows(run, blocks, relays):
    judge = IntentJudge(blocks, relays, run.wallets, SLOT_S)
    assert [breach for intent in run.intents() for breach in judge.breaches(intent)] == [], f"seed {SEED}"


def test_the_markets_own_logs_agree_with_the_chain(relays):
    assert relays.breaches() == [], f"seed {SEED}"


def test_nothing_of_ours_is_public_but_what_an_uncle_leaked(run, relays, say):
    ours = {decode_transaction(raw).hash for intent in run.intents() for raw in intent.raws}
    abandoned = {
        data(one["hash"])
        for story in relays.stories
        for one in story["transactions"]
        if story["hash"] not in {block.hash for block in relays.blocks.values()}
    }
    heard = ours & run.announced
    say(f"seed {SEED}: {len(run.announced)} public transactions heard, {len(heard)} ours, leaked by uncles")
    assert run.announced
    assert heard <= abandoned, f"seed {SEED}"
    assert run.report["public_sends"] == 0


def test_back_runs_stand_right_behind_and_change_nothing(run, say):
    judged = judge_back_runs(run.reader.node, run.folder, ["0x" + wallet.hex() for wallet in run.wallets])
    say(f"seed {SEED}: {len(judged)} back-runs landed, {Counter(one.origin for one in judged)}")
    assert [one.faults for one in judged if one.faults] == [], f"seed {SEED}"


def _signed(folder: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{folder / 'journal.sqlite3'}?mode=ro", uri=True)) as db:
            return int(db.execute("select count(*) from payloads").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
