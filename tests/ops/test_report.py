"""The closing report, from a journal on disk: money adds up, losses are counted, nothing is left out."""

import json

import pytest
from plan_samples import ETHER
from run_on_disk import BID, DENIED, ENDINGS, GAS_COST, MISSED, OPEN, id_of, write_run

from bot.cli import main
from bot.journal.read import JournalReader
from bot.ops.report import build_report
from bot.ops.report_text import report_text

LANDED_OK, LANDED_SHORT, REVERTED, OUTBID, UNKNOWN = (id_of(name) for name in ENDINGS)


@pytest.fixture
def report(run_folder):
    return build_report(JournalReader(run_folder / "journal.sqlite3"))


def bundle(report, name):
    return next(one for one in report["bundles"] if one["id"] == name)


def test_every_intent_has_one_verdict(report):
    verdicts = {one["id"]: one["verdict"] for one in report["bundles"]}
    assert verdicts == {
        LANDED_OK: "landed",
        LANDED_SHORT: "landed",
        REVERTED: "mined_reverted",
        OUTBID: "outbid",
        UNKNOWN: "unknown",
        id_of(OPEN): "unknown",
    }
    assert sum(report["verdicts"].values()) == len(report["bundles"]) == report["sent"]
    assert (report["landed"], report["mined_reverted"]) == (2, 1)


def test_money_adds_up_and_a_revert_costs(report):
    assert report["predicted_profit"] == str(2 * (ETHER // 10))
    assert report["realized_profit"] == str(ETHER // 10 + MISSED)
    assert report["gas_cost_wei"] == str(3 * GAS_COST), "the revert paid gas too"
    assert report["bid_wei"] == str(2 * BID), "owed on success alone"
    assert int(report["net_wei"]) == int(report["realized_profit"]) - int(report["gas_cost_wei"])


def test_what_is_not_known_is_null_and_no_zero(report):
    for name in (OUTBID, UNKNOWN, id_of(OPEN)):
        one = bundle(report, name)
        assert one["realized_profit"] is one["gas_used"] is one["gas_cost_wei"] is None
    assert bundle(report, id_of(OPEN))["reason"] == "not resolved yet"
    assert bundle(report, REVERTED)["gas_used"] == "200000"


def test_denials_are_counted_by_rule_and_simulation_is_no_denial(report):
    assert report["denied"] == {"fee_per_gas": 1}
    assert report["dropped"] == {"risk: fee_per_gas": 3}
    assert id_of(DENIED) not in {one["id"] for one in report["bundles"]}


def test_funnel_is_the_sum_of_the_blocks(report):
    assert (report["blocks"], report["first_block"], report["last_block"]) == (3, 101, 103)
    assert (report["cycles_screened"], report["planned"]) == (12, 3)
    answers = dict.fromkeys(("p50_ns", "p99_ns", "max_ns"), 2_900_000)
    assert report["durations"] == {
        "answer of market": answers,
        "search": {"p50_ns": 102_000, "p99_ns": 103_000, "max_ns": 103_000},
    }


def test_text_says_losses_as_openly_as_wins(report):
    text = report_text(report)
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "realised 0.100000000 ETH = predicted" in lines[LANDED_OK]
    assert "≠ predicted 0.100000000 ETH" in lines[LANDED_SHORT]
    for name in (REVERTED, OUTBID, UNKNOWN, id_of(OPEN)):
        assert "=" not in lines[name]
    assert "mined and reverted" in lines[REVERTED]
    assert "not resolved yet" in lines[id_of(OPEN)]
    assert "landed 2, mined reverted 1, outbid 1, unknown 2" in text
    assert "denied by rule: fee per gas 1" in text


def test_text_ends_with_a_line_that_works(report, run_folder, capsys):
    command = report_text(report).splitlines()[-1]
    script, *arguments = command.split()
    assert script == "scripts/bot"
    assert main([*arguments, "--run", str(run_folder)]) == 0
    assert "landed" in capsys.readouterr().out


def test_an_empty_run_is_a_report_too(tmp_path):
    report = build_report(JournalReader(write_run(tmp_path, blocks=()) / "journal.sqlite3"))
    assert (report["blocks"], report["first_block"], list(report["durations"])) == (
        0,
        None,
        ["answer of market"],
    )
    assert "0 blocks" in report_text(report)


def test_verb_prints_and_writes_the_same(run_folder, capsys):
    written = run_folder / "report.json"
    assert main(["report", "--run", str(run_folder), "--json", "--report", str(written)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(written.read_text())
    assert printed["schema"] == 1
    assert [path.name for path in run_folder.glob(".report*")] == [], "no half-written file stays"
