"""`explain` and `status` on a journal on disk, while it is being written and after."""

import asyncio
import json

import pytest
from plan_samples import WETH, plan
from run_on_disk import DENIED, ENDINGS, OPEN, RUN_ID, block, id_of, payload, record

from bot.cli import main
from bot.core.errors import EXIT_BAD_CONFIGURATION
from bot.core.identity import hex_bytes
from bot.journal.store import open_journal


@pytest.fixture
def told(run_folder, capsys):
    def ask(*arguments):
        assert main([*arguments, "--run", str(run_folder)]) == 0
        return capsys.readouterr().out

    return ask


@pytest.mark.parametrize("name", ENDINGS)
def test_an_intent_is_told_to_its_end(told, name):
    verdict = ENDINGS[name][0]
    text = told("explain", id_of(name))
    first_words = [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]
    assert [word for word in first_words if word not in ("Built", "Rival", "Cost")] == [
        id_of(name),
        "Found",
        "Planned",
        "Bid",
        "Checked",
        "Signed",
        "Sent",
        "Ended",
    ]
    assert verdict.value.replace("_", " ") in text
    assert hex_bytes(payload(name).tx_hash) in text


def test_equal_is_said_of_equal_amounts_alone(told):
    as_predicted, short = list(ENDINGS)[:2]
    assert "realised 0.100000000 ETH = predicted" in told("explain", id_of(as_predicted))
    assert "realised 0.099999999 ETH ≠ predicted" in told("explain", id_of(short))


def test_an_open_intent_says_so(told):
    text = told("explain", id_of(OPEN))
    assert text.splitlines()[-1].startswith("Open")
    assert json.loads(told("explain", id_of(OPEN), "--json"))["verdict"] is None


def test_a_denied_plan_is_told_with_rule_limit_and_actual(told):
    text = told("explain", id_of(DENIED))
    assert "Dropped  by risk: fee per gas: allowed at most 1, was 2" in text
    content = json.loads(told("explain", id_of(DENIED), "--json"))
    assert content["drops"] == [{"stage": "risk", "rule": "fee_per_gas", "limit": "at most 1", "actual": "2"}]
    assert content["simulation"] is None
    assert content["payloads"] == content["attempts"] == []


def test_json_has_the_very_fields(told):
    name = next(iter(ENDINGS))
    content = json.loads(told("explain", id_of(name), "--json"))
    transaction = plan(name).transaction
    assert content["plan"]["transaction"]["data"] == hex_bytes(transaction.data)
    assert content["plan"]["transaction"]["max_fee_per_gas"] == str(transaction.max_fee_per_gas)
    assert content["payloads"][0]["digest"] == content["simulation"]["digest"]
    assert len(content["plan"]["cycles"][0]) == 2


def test_a_prefix_will_do_and_an_unknown_one_is_refused_in_a_line(told, run_folder, capsys):
    name = id_of(OPEN)
    assert told("explain", name[:6]).startswith(name)
    assert main(["explain", "zzzzzzzz", "--run", str(run_folder)]) == EXIT_BAD_CONFIGURATION
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "zzzzzzzz" in said.err


def test_status_of_an_ended_run(told, run_folder):
    status = json.loads(told("status", "--json"))
    assert (status["run"], status["last_block"]["number"], status["halted"]) == (RUN_ID, 103, False)
    assert status["open_intents"] == 1
    assert [row["id"] for row in status["latest"]][-1] == id_of(OPEN)
    (run_folder / "HALT").touch()
    assert json.loads(told("status", "--json"))["halted"] is True
    assert "HALTED" in told("status")


def test_status_names_the_tokens_kept_out_and_why(told, run_folder):
    tokens = json.loads(told("status", "--json"))["tokens"]
    assert (tokens["safe"], tokens["unsafe"], tokens["undecided"]) == (1, 1, 1)
    assert [row["reason"] for row in tokens["barred"]] == [
        "fee on sale: 100 sent to a pool, 99 arrived",
        "not known to be safe: no answer in 2 s",
    ]
    said = told("status")
    assert "tokens checked: 1 safe, 1 unsafe, 1 undecided" in said
    assert all(f"{row['token']}  {row['reason']}" in said for row in tokens["barred"])
    (run_folder / "cache/tokens.json").unlink()
    assert json.loads(told("status", "--json"))["tokens"]["barred"] == []


def test_status_while_the_bot_holds_the_journal(told, run_folder):
    async def with_the_bot_running():
        store = open_journal(run_folder / "journal.sqlite3", WETH)
        try:
            await record(store, block(104))
            return told("status", "--json")
        finally:
            await store.close()

    assert json.loads(asyncio.run(with_the_bot_running()))["last_block"]["number"] == 104


def test_no_run_there_is_said_in_a_line(tmp_path, capsys):
    assert main(["status", "--run", str(tmp_path)]) == EXIT_BAD_CONFIGURATION
    assert capsys.readouterr().err.splitlines() == [
        f"--run {tmp_path}: no journal.sqlite3 there; name the data folder of a run"
    ]
