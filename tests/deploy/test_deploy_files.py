"""The systemd units and the Dockerfile name what is there, hold no key, and give the bot what it needs to write."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.core.errors import EXIT_BAD_CONFIGURATION, EXIT_DEFECT, EXIT_HALTED
from bot.variables import BotVariables

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
INSTALLED = "/srv/bot"
SECRET = re.compile(r"(?:0x)?[0-9a-fA-F]{64}|(?:PASSWORD|SECRET|PRIVATE_KEY)\s*=", re.IGNORECASE)
BOT, SIGNER = ROOT / "deploy/bot.service", ROOT / "deploy/bot-signer.service"


def unit(path):
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def test_there_are_two_units():
    assert UNITS == [SIGNER, BOT]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_command_exists_in_the_clone(path):
    service = unit(path)["Service"]
    program, verb, *_ = service["ExecStart"].split()
    assert service["WorkingDirectory"] == INSTALLED
    here = ROOT / Path(program).relative_to(INSTALLED)
    assert here.stat().st_mode & 0o111, f"{here} is not executable"
    told = subprocess.run([here, verb, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert verb in told.stdout
    options = [word for word in service["ExecStart"].split() if word.startswith("--")]
    assert [option for option in options if option not in told.stdout] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_its_variables_are_known_and_no_secret_is_in_it(path):
    service = unit(path)["Service"]
    names = {pair.partition("=")[0] for pair in service["Environment"].split()}
    assert names
    assert names <= {f"BOT_{name.upper()}" for name in BotVariables.model_fields}
    assert not SECRET.search(path.read_text())


def test_both_meet_at_one_socket_and_one_data_folder():
    assert unit(BOT)["Service"]["Environment"] == unit(SIGNER)["Service"]["Environment"]
    assert unit(SIGNER)["Service"]["RuntimeDirectoryMode"] == "0700"
    assert "bot-signer.service" in unit(BOT)["Unit"]["After"]


def test_what_a_restart_does_not_mend_is_not_restarted():
    for path in UNITS:
        prevented = {int(code) for code in unit(path)["Service"]["RestartPreventExitStatus"].split()}
        assert prevented == {EXIT_DEFECT, EXIT_BAD_CONFIGURATION, EXIT_HALTED}


def test_the_bot_cannot_reach_the_keys_nor_the_signer_the_network():
    assert unit(BOT)["Service"]["InaccessiblePaths"].lstrip("-") == "/etc/bot/keys"
    assert unit(SIGNER)["Service"]["PrivateNetwork"] == "yes"
    assert unit(SIGNER)["Service"]["RestrictAddressFamilies"] == "AF_UNIX"


def test_the_compiled_kernels_have_a_writable_place():
    """The tree is read-only under ProtectSystem=strict, and numba refuses to start without a place for its cache."""
    service = unit(BOT)["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["CacheDirectory"] == "bot"
    script = f'source "{ROOT}/scripts/setup_steps/environment.sh"; use_environment; echo "$NUMBA_CACHE_DIR"'
    told = subprocess.run(
        ["bash", "-c", script],
        env={"CACHE_DIRECTORY": "/var/cache/bot", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("/var/cache/bot/numba-cache-")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_it(path, tmp_path):
    for source in UNITS:
        (tmp_path / source.name).write_text(source.read_text().replace(INSTALLED, str(ROOT)))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / path.name],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    about_it = [line for line in told.stderr.splitlines() if path.name in line or "Unknown" in line]
    assert about_it == []
    assert told.returncode == 0, told.stderr


def test_systemd_check_can_fail(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    broken = tmp_path / "broken.service"
    broken.write_text("[Service]\nExecStart=/nowhere/at/all\nNoSuchSetting=1\n")
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", broken], capture_output=True, text=True, check=False
    )
    assert told.returncode != 0
    assert "NoSuchSetting" in told.stderr


def dockerfile():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_dockerfile_copies_what_exists_and_no_key():
    sources = []
    for instruction, rest in dockerfile():
        if instruction in ("COPY", "ADD"):
            sources += [word for word in rest.split() if not word.startswith("--")][:-1]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert not SECRET.search((ROOT / "Dockerfile").read_text())


def test_dockerfile_runs_as_nobody_special_what_the_image_holds():
    instructions = dict(dockerfile())
    assert instructions["USER"] == "bot"
    assert instructions["ENTRYPOINT"] == '["python", "-m", "bot"]'
    assert "EXPOSE" not in instructions
    installed = next(rest for instruction, rest in dockerfile() if instruction == "RUN" and "pip" in rest)
    assert "--require-hashes" in installed
    lock = re.search(r"-r (\S+)", installed).group(1)
    assert (ROOT / lock).is_file()


def test_docker_ignores_keys_and_settings():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert any(entry.strip("/") == ".env" for entry in ignored)
    assert any(entry.strip("/") == "var" for entry in ignored)
