"""A local market as its own process, and what it tells the world of itself."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.chain_reader import ChainReader
from oracle.node import Node, data
from oracle.request_log import RelayRequest, read_requests

from acceptance.processes import Family, bot, wait_for

READY_WITHIN_S = 120.0


@dataclass(frozen=True)
class OpenMarket:
    """A market that answers. The chain is read from anvil's own endpoint, not through the market's node."""

    folder: Path
    file: dict[str, Any]
    process: subprocess.Popen[bytes]
    signer_socket: Path

    @property
    def seed(self) -> int:
        return self.file["seed"]

    @property
    def first_block(self) -> int:
        """The head before the market built anything."""
        return self.file["first_block"]

    @property
    def env_file(self) -> Path:
        return self.folder / "bot.env"

    @property
    def wallet(self) -> bytes:
        [address] = self.file["wallets"].values()
        return data(address.lower())

    @property
    def executor(self) -> bytes:
        return data(self.file["executor"].lower())

    @property
    def recipient(self) -> bytes:
        return data(self.file["profit_recipient"].lower())

    @property
    def chain_id(self) -> int:
        return self.file["chain_id"]

    def reader(self) -> ChainReader:
        return ChainReader(Node(self.file["endpoints"]["anvil_admin"]))

    def front(self) -> Node:
        """The node as the bot sees it."""
        return Node(self.file["endpoints"]["node_http"])

    def requests(self) -> list[RelayRequest]:
        return read_requests(Path(self.file["request_log"]))

    def variables(self) -> dict[str, str]:
        """What its `bot.env` holds."""
        lines = self.env_file.read_text().splitlines()
        pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
        return {name: value.strip('"') for name, value in pairs}

    def own_places(self) -> dict[str, str]:
        """Data folder and signer's socket of this market's bot alone, where `bot.env` does not name them."""
        places = {
            "BOT_DATA_DIR": str(self.folder),
            "BOT_SIGNER_SOCKET": str(self.signer_socket),
        }
        return {name: value for name, value in places.items() if name not in self.variables()}


def open_market(family: Family, seed: int, *options: str, name: str = "market") -> OpenMarket:
    """Start one in lockstep (its pace is its user's) and wait until it is ready."""
    folder = family.folder / name
    folder.mkdir(mode=0o700)
    command = bot("market", "--run-dir", folder, "--seed", str(seed), "--lockstep", *options)
    process = family.start(command, name)
    ready = folder / "market.json"
    wait_for(lambda: ready.exists() or process.poll() is not None, READY_WITHIN_S)
    assert ready.exists(), f"market of seed {seed} did not open:\n{family.said(name)}"
    return OpenMarket(folder, json.loads(ready.read_text()), process, family.short_folder / f"{name}.sock")
