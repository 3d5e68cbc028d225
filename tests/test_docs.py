"""README and docs say what is there: commands, files, verbs, variables, keys and the diagram are held to the code."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from plan_samples import WETH, plan, reservation_of, simulation_of

from bot.chain.relay_rows import ROWS
from bot.cli import main
from bot.core.cost_terms import CostTerms
from bot.core.decisions import Check, Outcome, Rival, Verdict
from bot.core.identity import BlockRef, TxHash, keccak
from bot.core.market_data import ExchangeStatus, Pair, Quote
from bot.core.pending import Behind
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds
from bot.execution.lifecycle import lifecycle_diagram
from bot.journal.store import open_journal
from bot.journal.token_cache import CACHE_FILE, save_verdicts
from bot.ops.doctor import Finding
from bot.ops.exchange_file import write_board
from bot.ops.exchange_view import exchange_board
from bot.ops.relay_file import write_relays
from bot.ops.relay_view import RelayBoard
from bot.state.joined_price import ReferenceConfig
from bot.state.token_verdicts import Checked, Unsafe
from bot.variables import (
    BotVariables,
    ExchangeVariables,
    RelayVariables,
    TighteningLimitVariables,
    WalletLimitVariables,
    WalletVariables,
)

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURE = ROOT / "docs/first-run.svg"
PICTURE_LIMIT = 400_000
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
OBSERVE = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:8546"}


def code_of(page):
    """Everything in backticks, one text a span."""
    return [span.strip("`\n") for span in CODE.findall(page.read_text())]


def all_code():
    return [(page.name, span) for page in PAGES for span in code_of(page)]


def test_every_script_and_file_named_exists():
    named = {
        (page, path)
        for page, span in all_code()
        for path in re.findall(r"(?<![\w/])((?:scripts|bot|tests|docs|deploy|contracts)/[\w./-]*\w)", span)
    }
    assert len(named) > 10
    assert [(page, path) for page, path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_link_leads_somewhere():
    links = {(page, link) for page in PAGES for link in re.findall(r"\]\(([^)]+)\)", page.read_text())}
    ours = [(page, link) for page, link in links if not link.startswith("https://")]
    assert len(ours) >= 5
    assert [(page.name, link) for page, link in ours if not (page.parent / link).exists()] == []


def verbs():
    listed = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"^    ([a-z-]+)(?: |$)", listed, re.MULTILINE))


def test_every_verb_named_exists_and_every_verb_is_named():
    named = {verb for _, span in all_code() for verb in re.findall(r"scripts/bot ([a-z-]+)", span)}
    table = (ROOT / "README.md").read_text().partition("| `scripts/bot …`")[2].partition("\n\n")[0]
    in_table = {
        verb
        for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        for verb in re.findall(r"`([a-z-]+)", cell)
    }
    assert named | in_table <= verbs()
    assert in_table == verbs()


def test_every_option_named_exists():
    options = {}
    for line in (line for _, span in all_code() for line in span.splitlines()):
        for command in re.findall(r"scripts/(?:run|bot [a-z-]+)[^#;|]*", line):
            words = command.split()
            verb = tuple(words[:1] if words[0] == "scripts/run" else words[:2])
            options.setdefault(verb, set()).update(word for word in words if word.startswith("--"))
    asked = {verb: named for verb, named in options.items() if named}
    assert len(asked) >= 4
    for verb, named in asked.items():
        module = ["-m", "bot.supervisor"] if verb == ("scripts/run",) else ["-m", "bot", verb[1]]
        told = subprocess.run(
            [sys.executable, *module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert {option for option in named if option not in told} == set(), verb


def known_variables():
    families = (
        ("WALLET_MAIN__", WalletVariables),
        ("RELAY_FLASHBOTS__", RelayVariables),
        ("EXCHANGE_KRAKEN__", ExchangeVariables),
    )
    limits = (("LIMIT_MAIN__", WalletLimitVariables), ("LIMIT_GLOBAL__", TighteningLimitVariables))
    single = {f"BOT_{name.upper()}" for name in BotVariables.model_fields}
    relays = tuple((row.variable.removeprefix("BOT_"), RelayVariables) for row in ROWS.values())
    named = (*families, *limits, *relays)
    return single | {f"BOT_{prefix}{name.upper()}" for prefix, model in named for name in model.model_fields}


def test_every_variable_named_exists():
    named = {
        name for page in PAGES for name in re.findall(r"BOT_[A-Z][A-Z_]*[A-Z]\b(?!__…)", page.read_text())
    }
    assert len(named) >= 5
    assert named - known_variables() == set()


def test_limits_are_eight_as_the_readme_says():
    assert len(WalletLimitVariables.model_fields) == 8
    assert "needs all eight" in (ROOT / "README.md").read_text()


def test_lifecycle_diagram_is_current():
    assert f"```mermaid\n{lifecycle_diagram()}```\n" in (ROOT / "docs/lifecycle.md").read_text()


def test_the_picture_is_self_contained():
    text = PICTURE.read_text()
    assert len(text.encode()) < PICTURE_LIMIT
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
    assert tags <= {"svg", "style", "g", "rect", "text"}, "no script, no image, no font"
    assert not re.search(r"@import|url\(|href", text)
    assert not re.search(r"/(?:home|root|work|tmp|usr|srv)/", text), "no path of the machine it was made on"
    assert text.count("@keyframes") == text.count('<g class="frame') > 5


def documented():
    """Section heading to its keys, in order."""
    sections = re.split(r"^#{2,3} (.+)$", (ROOT / "docs/report.md").read_text(), flags=re.MULTILINE)[1:]
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return {heading: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for heading, text in pairs}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A landed bundle, a denied plan and a block: every list of every report has a member."""
    folder = tmp_path_factory.mktemp("run")
    asyncio.run(_write(folder))
    barred = Checked(bytes(20), Unsafe("fee on sale", "10 sent, 9 arrived"), BlockRef(101, bytes(32)), 0)
    save_verdicts(folder / CACHE_FILE, 1, bytes(32), [barred])
    write_board(folder, _look_at_exchanges(), 1)
    write_relays(folder, RelayBoard((RouteStanding("titan", "rpc.example", True, True),)), Nanoseconds(1))
    return folder


def _look_at_exchanges():
    """A price of two books, one of them through a rate, and a third that strays."""
    books = (("ETH", "USD", 3_000), ("ETH", "USDT", 3_000), ("ETH", "USD", 4_000))
    quotes = [
        Quote(name, Pair(base, asset), price * 10**8, 1, price * 10**8 + 100, 1, None, 1, None)
        for name, (base, asset, price) in zip(("kraken", "okx", "coinbase"), books, strict=True)
    ] + [
        Quote(name, Pair("USDT", "USD"), 10**8, 1, 10**8 + 100, 1, None, 1, None)
        for name in ("kraken", "okx")
    ]
    status = ExchangeStatus("kraken", "live", "", 1, 1.0, 1, 0, 0, 0, 0, 1, ("ETH/USD",))
    return exchange_board([status], quotes, ["ETH"], ReferenceConfig(), Nanoseconds(2))


async def _write(folder):
    sample, tx = plan(bid_share=9_000, behind=Behind("node", bytes(32), None)), TxHash(keccak(b"payload"))
    head = BlockRef(101, keccak(b"block 101"))
    landed = Outcome(
        sample.id,
        Verdict.LANDED,
        "landed",
        head,
        tx,
        200_000,
        10**15,
        sample.predicted_profit,
        True,
        CostTerms(200_000, 5 * 10**9, 0),
        Rival(tx, bytes(20), 0, 1, 0, 1, 1, 1),
        builder=bytes(20),
    )
    counts = dict.fromkeys(("logs", "pools_touched", "cycles_screened", "opportunities", "sized"), 1)
    counts |= dict.fromkeys(("profitable", "planned", "simulated", "allowed", "sent", "landed"), 1)
    check = Check("wallet_known", "main", "main")
    store = open_journal(folder / "journal.sqlite3", WETH)
    await store.record_run(RunRecord("run00001", 31337, "market", "live", 1, 7))
    await store.record_intent(
        IntentRecord("run00001", sample, simulation_of(sample), reservation_of(sample), (check,), 1)
    )
    await store.record_payload(PayloadRecord(sample.id, tx, sample.transaction.digest(), 7, b"raw", 2))
    await store.record_attempt(AttemptRecord(sample.id, tx, "market", 101, 3, 1, "accepted"))
    await store.record_drop(DropRecord("run00001", plan(b"denied"), "risk", "fee_per_gas", "1", "2", 3))
    await store.record_outcome(OutcomeRecord("run00001", "main", landed, 0, 4))
    for block in (sample.state, head):
        steps = {"search": 1, "seen to sent": 2}
        await store.record_block(BlockRecord("run00001", block, 1, 7, drops={}, durations=steps, **counts))
    await store.close()


@pytest.fixture
def printed(run_folder, capsys):
    def ask(*arguments):
        reads = arguments[0] in ("report", "status", "explain")
        assert main([*arguments, "--json", *(["--run", str(run_folder)] if reads else [])]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_keys_of_the_report(printed):
    report, docs = printed("report"), documented()
    assert list(report) == docs["report"]
    assert list(report["bundles"][0]) == docs["report.bundles[]"]
    assert list(report["dropped_plans"][0]) == docs["report.dropped_plans[]"]
    assert list(report["durations"]["search"]) == docs["report.durations{}"]
    for name in ("strategies", "relays", "builders", "bid_shares", "send_times"):
        assert list(report[name][0]) == docs[f"report.{name}[]"], name
    assert list(report["cost_errors"]["gas"]) == docs["report.cost_errors{}"]
    for name in ("shortfalls", "back_runs"):
        assert list(report[name]) == docs[f"report.{name}"], name


def test_keys_of_an_explanation(printed):
    docs = documented()
    told, dropped = printed("explain", plan().id), printed("explain", plan(b"denied").id)
    found = {
        "explain": told,
        "explain.plan": told["plan"],
        "explain.plan.state": told["plan"]["state"],
        "explain.plan.cycles[][]": told["plan"]["cycles"][0][0],
        "explain.plan.transaction": told["plan"]["transaction"],
        "explain.simulation": told["simulation"],
        "explain.simulation.block": told["simulation"]["block"],
        "explain.checks[]": told["checks"][0],
        "explain.drops[]": dropped["drops"][0],
        "explain.payloads[]": told["payloads"][0],
        "explain.attempts[]": told["attempts"][0],
        "explain.plan.behind": told["plan"]["behind"],
        "explain.rival": told["rival"],
        "explain.costs": told["costs"],
        "explain.costs.predicted": told["costs"]["predicted"],
    }
    assert {heading: list(content) for heading, content in found.items()} == {
        heading: keys for heading, keys in docs.items() if heading.startswith("explain")
    }


def test_keys_of_status_and_doctor(printed):
    status, docs = printed("status"), documented()
    assert list(status) == docs["status"]
    assert list(status["last_block"]) == docs["status.last_block"]
    assert list(status["latest"][0]) == docs["status.latest[]"]
    assert list(status["relays"]) == docs["status.relays"]
    assert list(status["relays"]["relays"][0]) == docs["status.relays.relays[]"]
    assert list(status["tokens"]) == docs["status.tokens"]
    assert list(status["tokens"]["barred"][0]) == docs["status.tokens.barred[]"]
    followed, reference = (status["exchanges"][name][0] for name in ("followed", "reference"))
    found = {
        "status.exchanges": status["exchanges"],
        "status.exchanges.followed[]": followed,
        "status.exchanges.followed[].quotes[]": followed["quotes"][0],
        "status.exchanges.reference[]": reference,
        **{
            f"status.exchanges.reference[].{name}[]": reference[name][0]
            for name in ("sources", "rates", "left_out")
        },
    }
    assert {heading: list(content) for heading, content in found.items()} == {
        heading: keys for heading, keys in docs.items() if heading.startswith("status.exchanges")
    }
    assert list(Finding.__struct_fields__) == docs["doctor.findings[]"]


def test_keys_of_config(printed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in OBSERVE.items():
        monkeypatch.setenv(name, value)
    docs = documented()
    extras = [key for key in printed("config") if key not in BotVariables.model_fields]
    own = [key for key in docs["config"] if key not in BotVariables.model_fields]
    assert extras == own
    assert set(BotVariables.model_fields) <= set(printed("config"))
    assert list(printed("config", "--suggest")) == docs["config --suggest"]


def test_every_documented_verb_has_a_section():
    assert {heading.split(".")[0].split()[0] for heading in documented()} == {
        "report",
        "explain",
        "status",
        "doctor",
        "config",
    }
