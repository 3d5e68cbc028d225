"""A signer's desk on throwaway files, and the process around it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from eth_account import Account
from plan_samples import CHAIN_ID, ETHER, EXECUTOR, GWEI, HEAD, OPERATOR_SECRET, WETH, plan

from bot.core.identity import keccak
from bot.core.signer_protocol import ReportNonce, SignCancellation, SignExecution, encode_frame
from bot.signer.config import SignerConfig, SignerLimits, SignerWallet
from bot.signer.desk import SigningDesk
from bot.signer.wallet_key import WalletKey

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "canary-password-7f3a9c"
LIMITS = SignerLimits(fee_per_gas=20 * GWEI, gas_per_tx=300_000, gas_spend_per_day=ETHER // 10)
TODAY = 20_000


def limited(**changes):
    return msgspec.structs.replace(LIMITS, **changes)


def write_private(path, content):
    path.write_text(content)
    path.chmod(0o600)
    return path


def write_keystore(path, secret=OPERATOR_SECRET, password=PASSWORD, **members):
    keystore = Account.encrypt(secret, password, kdf="scrypt", iterations=2)
    return write_private(path, json.dumps(keystore | members))


def signer_config(folder, **changes):
    """One wallet `main` with a throwaway keystore; nothing is written but what the signer writes."""
    (folder / "data").mkdir(exist_ok=True)
    wallet = SignerWallet("main", folder / "main.json", folder / "password", LIMITS)
    fields = {
        "chain_id": CHAIN_ID,
        "is_throwaway_chain": True,
        "executors": frozenset({EXECUTOR}),
        "weth": WETH,
        "wallets": (wallet,),
        "socket_path": folder / "socket" / "signer",
        "totals_dir": folder / "data" / "signer",
        "halt_file": folder / "data" / "HALT",
    }
    return SignerConfig(**(fields | changes))


class Desk:
    """A SigningDesk in this process: what it answers to the bytes of a request."""

    def __init__(self, folder, limits=LIMITS, secret=OPERATOR_SECRET, next_nonce=7, others=(), **changes):
        """`others`: names of further wallets, each with a key of its own."""
        keys = {"main": WalletKey(secret)} | {name: WalletKey(keccak(name.encode())) for name in others}
        wallets = tuple(SignerWallet(name, folder / "main.json", None, limits) for name in keys)
        self.config = signer_config(folder, wallets=wallets, **changes)
        self.config.totals_dir.mkdir(mode=0o700, exist_ok=True)
        self.day = TODAY
        self.desk = SigningDesk(self.config, keys, lambda: self.day)
        if next_nonce is not None:
            self.report(next_nonce)

    def ask(self, request):
        return self.desk.answer(encode_frame(request)[4:])

    def report(self, next_nonce, block_number=HEAD.number, wallet="main"):
        return self.ask(ReportNonce(wallet, next_nonce, block_number))

    def sign(self, fields, wallet="main"):
        return self.sign_bytes(fields.unsigned_payload(), wallet)

    def sign_bytes(self, payload, wallet="main"):
        return self.ask(SignExecution(wallet, "intent", payload))

    @property
    def totals(self):
        return self.desk._wallets["main"].totals

    def cancel(self, fields):
        return self.ask(SignCancellation("main", fields.unsigned_payload()))


def start_process(folder, config=None, code=None):
    """A real signer process; `BadConfiguration` becomes its lines on stderr and its exit code, as the CLI does it."""
    config = config or signer_config(folder)
    arguments = {
        "chain_id": config.chain_id,
        "is_throwaway_chain": config.is_throwaway_chain,
        "executors": [address.hex() for address in config.executors],
        "weth": config.weth.hex(),
        "keystore": str(config.wallets[0].keystore),
        "password_file": str(config.wallets[0].password_file),
        "limits": msgspec.to_builtins(config.wallets[0].limits),
        "socket_path": str(config.socket_path),
        "totals_dir": str(config.totals_dir),
        "halt_file": str(config.halt_file),
    }
    return subprocess.Popen(
        [sys.executable, "-c", code or SERVE, json.dumps(arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


SERVE = """
import asyncio, json, sys
from pathlib import Path
from bot.core.errors import StopTheBot
from bot.signer.config import SignerConfig, SignerLimits, SignerWallet
from bot.signer.process import serve
given = json.loads(sys.argv[1])
wallet = SignerWallet("main", Path(given["keystore"]), Path(given["password_file"]), SignerLimits(**given["limits"]))
config = SignerConfig(
    given["chain_id"], given["is_throwaway_chain"], frozenset(map(bytes.fromhex, given["executors"])),
    bytes.fromhex(given["weth"]), (wallet,),
    Path(given["socket_path"]), Path(given["totals_dir"]), Path(given["halt_file"]),
)
try:
    asyncio.run(serve(config))
except StopTheBot as error:
    print(error)
    sys.exit(error.exit_code)
"""


@contextlib.contextmanager
def running_signer(folder, config=None):
    """A signer whose socket takes connections; killed at the end if it still lives."""
    process = start_process(folder, config)
    socket_path = (config or signer_config(folder)).socket_path
    try:
        while not socket_path.exists():
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0].decode())
            time.sleep(0.01)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def sample_transaction(**changes):
    return msgspec.structs.replace(plan().transaction, **changes)
