"""Law 15 over a whole run: key and password of the wallet are in their two files and nowhere else."""

import base64
import json
import secrets
import time
from pathlib import Path

import pytest
from acceptance.market_process import open_market
from acceptance.processes import Family, bot
from eth_account import Account

BLOCKS = 10
FAR_TOO_LONG_S = 120


def forms_of(key, password):
    """Every spelling by name, lower case as `found_in` looks for it; with 0x is found by without."""
    return {
        "key, bytes": key,
        "key, hex": key.hex().encode(),
        "key, decimal": str(int.from_bytes(key, "big")).encode(),
        "key, base64": base64.b64encode(key).rstrip(b"="),
        "key, base64 of URLs": base64.urlsafe_b64encode(key).rstrip(b"="),
        "password": password.encode(),
        "password, hex": password.encode().hex().encode(),
        "password, base64": base64.b64encode(password.encode()).rstrip(b"="),
    }


def found_in(content, forms):
    """Names of the forms that stand in `content`; hex in either case."""
    lower = content.lower()
    return [
        name for name, form in forms.items() if form in content or (name.endswith("hex") and form in lower)
    ]


def regular_files(*folders):
    return [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]


class Watch:
    """Environment and command line of every process of the family, each read as often as `look` is called."""

    def __init__(self, family, forms):
        self.family, self.forms = family, forms
        self.verbs, self.leaks = set(), []

    def look(self):
        for pid, command in self.family.living().items():
            self.verbs.update(set(command.split()) & {"market", "signer", "run"})
            for name in ("environ", "cmdline"):
                try:
                    content = Path(f"/proc/{pid}/{name}").read_bytes()
                except OSError:
                    continue  # it has just ended
                self.leaks += [(command, name, form) for form in found_in(content, self.forms)]


@pytest.fixture
def family(tmp_path):
    with Family(tmp_path) as family:
        yield family


def wallet_secrets(market):
    """Its two files, key and password; the market's password is in our source, so the keystore gets one of its own."""
    variables = market.variables()
    [name] = market.file["wallets"]
    keystore = Path(variables[f"BOT_WALLET_{name.upper()}__KEYSTORE"])
    password_file = Path(variables[f"BOT_WALLET_{name.upper()}__PASSWORD_FILE"])
    content = json.loads(keystore.read_text())
    key = bytes(Account.decrypt(content, password_file.read_text().strip()))
    password = secrets.token_urlsafe(18)
    keystore.write_text(json.dumps(content | Account.encrypt(key, password, iterations=2)))
    password_file.write_text(password)
    return {keystore, password_file}, key, password


@pytest.mark.market
def test_key_and_password_are_nowhere_else(family):
    market = open_market(family, 7)
    own_files, key, password = wallet_secrets(market)
    forms = forms_of(key, password)
    watch = Watch(family, forms)
    options, report = ["--env-file", market.env_file], family.folder / "report.json"
    family.start(bot("signer", *options), "signer", market.own_places())
    command = bot("run", *options, "--blocks", str(BLOCKS), "--plain", "--report", report)
    running = family.start(command, "bot", market.own_places())
    deadline = time.monotonic() + FAR_TOO_LONG_S
    while running.poll() is None and time.monotonic() < deadline:
        watch.look()
        time.sleep(0.05)
    assert running.returncode == 0, f"{family.said('bot')}\n{family.said('signer')}"
    watch.look()

    first_copy = (market.folder / "signer" / "main.json").read_bytes().splitlines()[0]
    totals = json.loads(first_copy)["totals"]
    assert totals["counter"] > 0, "the key was used"
    assert totals["nonce_jumps"] == 0
    assert json.loads(report.read_text())["landed"] > 0
    assert watch.verbs == {"market", "signer", "run"}, "all three were looked at"
    assert watch.leaks == []

    files = regular_files(family.folder, family.short_folder)
    names = {path.name for path in files}
    assert {
        "journal.sqlite3",
        "bot.jsonl",
        "market.json",
        "bot.env",
        "signer.out",
        "signer.err",
        "bot.out",
    } <= names
    assert own_files < set(files)
    leaks = {str(path): found for path in files if (found := found_in(path.read_bytes(), forms))}
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes")
    assert {Path(path) for path in leaks} <= own_files, leaks
    assert any("password" in found for found in leaks.values()), "found where it belongs"


@pytest.mark.parametrize(
    "spell", [str.lower, str.upper, lambda text: "0x" + text, lambda text: "0X" + text.upper()]
)
def test_what_is_looked_for_would_be_found(spell):
    key, password = bytes(range(1, 33)), "Canary-password"
    forms = forms_of(key, password)
    assert found_in(f'{{"k": "{spell(key.hex())}"}}'.encode(), forms) == ["key, hex"]
    assert found_in(b"x" + base64.b64encode(key) + b"x", forms) == ["key, base64", "key, base64 of URLs"]
    assert found_in(f"a{int.from_bytes(key, 'big')}".encode(), forms) == ["key, decimal"]
    assert found_in(f"BOT_PASSWORD={password}\0".encode(), forms) == ["password"]
    assert found_in(b"\0" + key, forms) == ["key, bytes"]
    assert found_in(b"nothing of it", forms) == []
