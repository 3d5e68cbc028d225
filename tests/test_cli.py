"""The command line: every verb explains itself, every expected end is a line and an exit code, nothing is a traceback."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot import supervisor
from bot.cli import main
from bot.core.errors import (
    EXIT_BAD_CONFIGURATION,
    EXIT_GOOD,
    EXIT_HALTED,
    EXIT_INTERRUPTED,
    EXIT_UNREACHABLE,
)

ROOT = Path(__file__).resolve().parents[1]
VERBS = (
    "run",
    "doctor",
    "signer",
    "market",
    "fork",
    "deploy",
    "status",
    "report",
    "explain",
    "replay",
    "relay-check",
    "config",
)
ENDS_WITHIN_S = 60
OBSERVE = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:9"}
ADDRESS = "0x000000000000000000000000000000000000dEaD"
LIVE = OBSERVE | {
    "BOT_MODE": "live",
    "BOT_EXECUTOR": ADDRESS,
    "BOT_PROFIT_RECIPIENT": ADDRESS,
    "BOT_WALLETS": "main",
    "BOT_RELAYS": "flashbots",
    "BOT_WALLET_MAIN__KEYSTORE": "key.json",
    "BOT_LIMIT_MAIN__NOTIONAL_PER_TRADE": "1 ETH",
    "BOT_LIMIT_MAIN__FEE_PER_GAS": "50 gwei",
    "BOT_LIMIT_MAIN__GAS_PER_TX": "1200000 gas",
    "BOT_LIMIT_MAIN__GAS_SPEND_PER_DAY": "0.05 ETH",
    "BOT_LIMIT_MAIN__LOSS_PER_DAY": "0.02 ETH",
    "BOT_LIMIT_MAIN__VALUE_IN_FLIGHT": "0.06 ETH",
    "BOT_LIMIT_MAIN__FAILURES_IN_A_ROW": "3",
    "BOT_LIMIT_MAIN__BALANCE_CEILING": "0.3 ETH",
}


def command(*arguments):
    return [sys.executable, "-m", "bot", *arguments]


def environment(**changes):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    return clean | {"PYTHONPATH": str(ROOT)} | changes


@pytest.fixture
def ask(monkeypatch, tmp_path, capsys):
    """Run a verb in an empty folder with these variables alone; exit code, standard output, lines of standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **variables):
        for name in [name for name in os.environ if name.startswith("BOT_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err.splitlines()

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb):
    told = subprocess.run(
        command(verb, "--help"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )
    assert told.returncode == EXIT_GOOD, told.stderr
    assert told.stdout.startswith("usage: ")
    assert len(told.stdout.splitlines()) > 5


def test_the_list_of_verbs_here_is_the_programs(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == EXIT_GOOD
    listed = [
        line.split()[0]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("    ") and line[4] != " "
    ]
    assert sorted(listed) == sorted(VERBS)


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["status", "--colour"], ["explain"], ["run", "--blocks", "many"]]
)
def test_what_is_not_understood_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == EXIT_BAD_CONFIGURATION
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["run", "doctor", "signer", "config"])
def test_every_problem_is_said_at_once_one_line_each(ask, verb):
    code, out, lines = ask(
        verb, *(["--plain"] if verb == "run" else []), BOT_MODE="sideways", BOT_CHIAN="market"
    )
    problems = [line for line in lines if line.startswith("BOT_")]
    assert code == EXIT_BAD_CONFIGURATION
    assert out == ""
    named = {line.split(":")[0].split("=")[0].split()[0] for line in problems}
    assert named == {"BOT_MODE", "BOT_CHAIN", "BOT_RPC_URL", "BOT_CHIAN"}
    assert "did you mean BOT_CHAIN?" in " ".join(problems)


def test_a_live_bot_without_its_limits_names_each(ask):
    without = {name: value for name, value in LIVE.items() if not name.startswith("BOT_LIMIT_")}
    code, _, lines = ask("config", **without)
    assert code == EXIT_BAD_CONFIGURATION
    assert {line.split()[0] for line in lines} == {name for name in LIVE if name.startswith("BOT_LIMIT_")}


def test_a_signer_has_nothing_to_do_in_observe(ask):
    code, _, [line] = ask("signer", **OBSERVE)
    assert code == EXIT_BAD_CONFIGURATION
    assert "BOT_MODE=observe signs nothing" in line


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_node_that_is_away_is_unreachable(ask):
    code, out, lines = ask("doctor", **OBSERVE | {"BOT_RPC_URL": f"ws://127.0.0.1:{closed_port()}"})
    assert code == EXIT_UNREACHABLE
    assert out == ""
    assert len(lines) == 1
    assert lines[0].startswith("BOT_RPC_URL: the node at ws://127.0.0.1:")


def test_a_start_with_a_halt_is_refused(ask, tmp_path):
    (tmp_path / "HALT").touch()
    code, _, lines = ask("run", "--plain", **LIVE | {"BOT_DATA_DIR": str(tmp_path)})
    assert code == EXIT_HALTED
    assert str(tmp_path / "HALT") in lines[-1]
    assert not (tmp_path / "journal.sqlite3").exists(), "it was refused before anything was opened"


def test_ctrl_c_before_there_is_anything_to_stop(tmp_path):
    child = subprocess.Popen(
        command("run", "--plain", "--after", str(tmp_path / "never")),
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for line in child.stderr:  # it waits for the file once its kernels are ready
            if "ready" in line:
                break
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=ENDS_WITHIN_S)
    finally:
        child.kill()
    assert child.returncode == EXIT_INTERRUPTED
    assert "Traceback" not in said


def test_reading_verbs_load_nothing_heavy(tmp_path):
    script = (
        "import sys\nfrom bot.cli import main\n"
        f"main(['status', '--run', {str(tmp_path)!r}])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'numba', 'numpy', 'web3', 'aiohttp', 'vyper', 'uvloop'}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_no_secret_is_in_what_config_prints(ask, tmp_path):
    (tmp_path / "key.json").write_text("{}")
    code, out, _ = ask(
        "config", **LIVE | {"BOT_RPC_URL": "wss://node.invalid/v1/canary-secret?key=canary-secret"}
    )
    assert code == EXIT_GOOD
    assert "node.invalid" in out
    assert "canary-secret" not in out


def test_suggested_limits_are_limits_a_live_bot_starts_with(ask):
    code, out, _ = ask("config", "--suggest", BOT_WALLETS="main")
    assert code == EXIT_GOOD
    suggested = dict(line.split("=", 1) for line in out.splitlines())
    others = {name: value for name, value in LIVE.items() if not name.startswith("BOT_LIMIT_")}
    assert (
        ask("config", **others, **{name: value.strip('"') for name, value in suggested.items()})[0]
        == EXIT_GOOD
    )


def test_scripts_run_refuses_the_variables_of_another_chain(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_CHAIN", "ethereum")
    assert supervisor.main([]) == EXIT_BAD_CONFIGURATION
    said = capsys.readouterr()
    assert said.err.startswith("BOT_CHAIN")
    assert len(said.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [], "no run was begun"


def test_run_folders_are_private_and_latest_is_the_newest(tmp_path):
    made = [supervisor.make_run_folder(tmp_path / "runs", "seed7") for _ in range(3)]
    assert len(set(made)) == 3
    assert {folder.stat().st_mode & 0o777 for folder in made} == {0o700}
    assert (tmp_path / "runs/latest").resolve() == made[-1]
    assert [entry.name for entry in (tmp_path / "runs").iterdir() if entry.name.startswith(".")] == []
