"""scripts/deploy_executor.py as its user runs it: a process, its output, its exit code, and what the chain holds then."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from executor_chain import ROOT, Chain, keccak
from executor_stage import ETHER, Stage

OWNER, RECIPIENT, OPERATOR = ("0x" + digit * 40 for digit in "123")
PASSWORD = "market"


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A throwaway key with cheap scrypt: its file, its password's file, its address."""
    folder, account = tmp_path_factory.mktemp("keystore"), Account.create()
    (folder / "key.json").write_text(json.dumps(Account.encrypt(account.key, PASSWORD, iterations=4096)))
    (folder / "password").write_text(PASSWORD + "\n")
    return folder / "key.json", folder / "password", account.address


@pytest.fixture
def options(stage: Stage) -> dict[str, str]:
    return {
        "--rpc": stage.chain.url,
        "--owner": OWNER,
        "--recipient": RECIPIENT,
        "--weth": stage.weth,
        "--operator": OPERATOR,
    }


Refusal = Callable[..., tuple[int, list[str]]]


def run(options: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    words = [word for option in options.items() for word in option]
    command = [sys.executable, str(ROOT / "scripts" / "deploy_executor.py"), *words, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Runs the same `main` in this process, which saves importing web3 each time; its exit code and error lines."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    script = importlib.import_module("deploy_executor")

    def refuse(options: dict[str, str], *more: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(
            sys, "argv", ["deploy", *(word for option in options.items() for word in option), *more]
        )
        code = script.main()
        said = capsys.readouterr()
        assert said.out == ""
        return code, said.err.splitlines()

    return refuse


def state(chain: Chain) -> Any:
    return chain.rpc("eth_getBlockByNumber", "latest", False)["stateRoot"]


def test_a_dry_run_needs_no_key_and_changes_nothing(stage: Stage, options: dict[str, str]) -> None:
    before = state(stage.chain)
    done = run(options, "--dry-run", "--json", "--operator", "0x" + "44" * 20)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["constructor"]["operators"] == [OPERATOR, "0x" + "44" * 20]
    assert report["deployer"] == OWNER
    assert report["chain_id"] == 31337
    assert report["transaction_hash"] is report["verified"] is None
    assert int(report["fee_wei"]) == report["gas"] * int(report["base_fee_wei"])
    assert state(stage.chain) == before
    assert not stage.chain.rpc("txpool_content")["pending"]


def deploy_while_mining(
    stage: Stage, options: dict[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    stage.chain.rpc("evm_setAutomine", True)
    try:
        return run(options, *more)
    finally:
        stage.chain.rpc("evm_setAutomine", False)


def test_a_real_run_deploys_what_the_dry_run_said(
    stage: Stage, options: dict[str, str], keystore: tuple[Path, Path, str]
) -> None:
    key, password, deployer = keystore
    stage.chain.rpc("anvil_setBalance", deployer, hex(ETHER))
    dry = json.loads(run(options, "--dry-run", "--json", "--keystore", str(key)).stdout)
    secrets = ("--keystore", str(key), "--password-file", str(password), "--chain-id", "31337")
    done = deploy_while_mining(stage, options, *secrets, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["verified"] is True
    assert [report[key] for key in ("address", "deployer", "runtime_hash")] == [
        dry[key] for key in ("address", "deployer", "runtime_hash")
    ]
    code = bytes.fromhex(stage.chain.rpc("eth_getCode", report["address"], "latest")[2:])
    assert "0x" + keccak(code).hex() == report["runtime_hash"]
    assert len(code) == report["runtime_size"]
    read = stage.chain.read
    assert read(report["address"], "owner()", returns="address") == OWNER
    assert read(report["address"], "recipient()", returns="address") == RECIPIENT
    assert read(report["address"], "operators(address)", OPERATOR, returns="bool")
    assert not read(report["address"], "operators(address)", deployer, returns="bool")
    assert PASSWORD not in done.stdout + done.stderr


def test_the_report_for_a_person_names_every_role(stage: Stage, options: dict[str, str]) -> None:
    done = run(options, "--dry-run")
    assert done.returncode == 0
    for word in (OWNER, RECIPIENT, OPERATOR, "31337", "dry run: simulated, nothing signed, nothing sent"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--operator": OWNER}, "is an --operator too"),
        ({"--recipient": "0x" + "00" * 20}, "--recipient is the zero address"),
        ({"--owner": "0x" + "00" * 20}, "--owner is the zero address"),
        ({"--weth": "0x" + "77" * 20}, "has no code on chain 31337"),
        ({"--owner": "0x1234"}, "--owner: '0x1234' is not an address"),
        ({"--chain-id": "1"}, "the node is on chain 31337, --chain-id says 1"),
        ({"--rpc": "ws://127.0.0.1:1"}, "--rpc is neither an http(s) URL nor"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_exits_2(
    changed: dict[str, str], said: str, options: dict[str, str], refusal: Refusal
) -> None:
    code, (line,) = refusal({**options, **changed}, "--dry-run")
    assert code == 2
    assert said in line


def test_everything_wrong_is_said_at_once(options: dict[str, str], refusal: Refusal) -> None:
    code, lines = refusal({**options, "--owner": "0x", "--recipient": "0x"}, "--dry-run")
    assert (code, len(lines)) == (2, 2)


def test_a_node_that_does_not_answer_exits_3_and_its_url_is_not_repeated(options: dict[str, str]) -> None:
    done = run({**options, "--rpc": "http://127.0.0.1:9/secret-key"}, "--dry-run")
    assert done.returncode == 3
    assert "did not answer" in done.stderr
    assert "secret-key" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_real_run_without_a_key_or_with_a_wrong_password_signs_nothing(
    stage: Stage,
    options: dict[str, str],
    keystore: tuple[Path, Path, str],
    tmp_path: Path,
    refusal: Refusal,
) -> None:
    before = state(stage.chain)
    wrong = tmp_path / "password"
    wrong.write_text("guess")
    for more, said in [
        ((), "--keystore and --password-file are needed"),
        (("--keystore", str(keystore[0])), "--password-file is needed"),
        (("--keystore", str(keystore[0]), "--password-file", str(wrong)), "wrong password?"),
        (("--keystore", str(wrong), "--password-file", str(wrong)), "is no keystore"),
    ]:
        code, (line,) = refusal(options, *more)
        assert code == 2
        assert said in line
    assert state(stage.chain) == before


def test_an_account_that_cannot_pay_signs_nothing(
    stage: Stage,
    options: dict[str, str],
    keystore: tuple[Path, Path, str],
    refusal: Refusal,
) -> None:
    key, password, deployer = keystore
    stage.chain.rpc("anvil_setBalance", deployer, "0x1")
    before = state(stage.chain)
    code, (line,) = refusal(options, "--keystore", str(key), "--password-file", str(password))
    assert (code, "holds 1 wei" in line) == (2, True), line
    assert state(stage.chain) == before
