"""The two files by which others find a market that is up: `market.json` for programs, `bot.env` for a bot.

`market.json` is written last and whole: where it stands, the market answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.core.identity import to_checksum
from bot.world.exchanges.server import ExchangeUrl
from bot.world.keystores import WalletFiles
from bot.world.market_config import MarketConfig
from bot.world.stage import Stage

WALLET_LIMITS = {
    "NOTIONAL_PER_TRADE": "500 ETH",
    "FEE_PER_GAS": "200 gwei",
    "GAS_PER_TX": "6000000 gas",
    "GAS_SPEND_PER_DAY": "50 ETH",
    "LOSS_PER_DAY": "0.1 ETH",
    "VALUE_IN_FLIGHT": "0.5 ETH",
    "FAILURES_IN_A_ROW": "50",
    "BALANCE_CEILING": "100 ETH",
}
"""Generous enough that a rehearsal is about the search; a real wallet's are the operator's to set."""

BOOKS_BY_REST = ("binance", "binance-usdm")
"""Exchanges whose books begin with a snapshot by REST: elsewhere a bot makes no request, and refuses an address for one."""


class Endpoints(msgspec.Struct, frozen=True):
    node_http: str
    node_ws: str
    node_ipc: str
    relay: str
    relay_unprotected: str
    anvil_admin: str
    """Anvil itself: for tests that judge the market from outside, never for a bot."""
    exchanges: dict[str, ExchangeUrl] = {}
    """By name; empty where there are none."""
    relays: dict[str, str] = {}
    """Every open endpoint of the relays by name, the two above too."""


class MarketFile(msgspec.Struct, frozen=True):
    """Content of `market.json`; addresses checksummed, hashes 0x-hex."""

    schema: int
    pid: int
    chain: str
    chain_id: int
    seed: int
    lockstep: bool
    endpoints: Endpoints
    anvil_pid: int
    genesis_time: int
    block_seconds: int
    first_block: int
    """The head at the start; the market builds from the next one on."""
    first_block_hash: str
    wallets: dict[str, str]
    executor: str
    executor_owner: str
    profit_recipient: str
    competitor: str
    competitor_executor: str
    competitor_recipient: str
    coinbase: str
    request_log: str
    builder_log: str
    builders: dict[str, str] = {}
    """Coinbase of each builder by name."""
    private_flow_log: str = ""
    """What `market-share` was given and told of; empty where it is not open."""


def write_bot_env(path: Path, variables: dict[str, str]) -> None:
    """One `NAME="value"` a line, in the order given."""
    path.write_text("".join(f'{name}="{value}"\n' for name, value in variables.items()))


def bot_variables(
    config: MarketConfig, endpoints: Endpoints, stage: Stage, wallets: Sequence[WalletFiles]
) -> dict[str, str]:
    """What a bot needs to trade here, in the names of a live run."""
    variables = {
        "BOT_CHAIN": config.chain,
        "BOT_MODE": "live",
        "BOT_DATA_DIR": str(config.run_dir),
        # Beside the node's own socket: a run folder's path may be too long for one (107 bytes).
        "BOT_SIGNER_SOCKET": str(Path(endpoints.node_ipc).with_name("signer") / "signer.sock"),
        "BOT_RPC_URL": endpoints.node_ws,
        **_relay_variables(config, endpoints),
        "BOT_EXECUTOR": to_checksum(stage.executor),
        "BOT_PROFIT_RECIPIENT": to_checksum(stage.profit_recipient),
        "BOT_WALLETS": ",".join(wallet.name for wallet in wallets),
    }
    for wallet in wallets:
        name = wallet.name.upper()
        variables[f"BOT_WALLET_{name}__KEYSTORE"] = str(wallet.keystore)
        variables[f"BOT_WALLET_{name}__PASSWORD_FILE"] = str(wallet.password_file)
        variables |= {f"BOT_LIMIT_{name}__{limit}": value for limit, value in WALLET_LIMITS.items()}
    if endpoints.exchanges:
        variables["BOT_EXCHANGES"] = ",".join(endpoints.exchanges)
    for exchange, url in endpoints.exchanges.items():
        name = exchange.upper().replace("-", "_")
        variables[f"BOT_EXCHANGE_{name}__WS_URL"] = url.ws
        if exchange in BOOKS_BY_REST:
            variables[f"BOT_EXCHANGE_{name}__REST_URL"] = url.rest
    if config.lockstep:
        variables["BOT_LOCKSTEP"] = "on"
    if config.chain == "market":
        variables["BOT_MARKET_SEED"] = str(config.seed)
    else:
        variables["BOT_FORK_PROFILE"] = config.fork_profile
    return variables


def _relay_variables(config: MarketConfig, endpoints: Endpoints) -> dict[str, str]:
    """`market-share` is of use where there is private flow alone."""
    names = [name for name in config.relay_names if name != "market-share" or config.private_share]
    urls = {f"BOT_RELAY_{name.upper().replace('-', '_')}__URL": endpoints.relays[name] for name in names}
    variables = {"BOT_RELAYS": ",".join(names), **urls}
    if config.private_share:
        variables |= {"BOT_BACKRUNS": "all", "BOT_HINTS_URL": endpoints.relays["market-share"]}
    return variables


def write_market_file(path: Path, content: MarketFile) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    unfinished.replace(path)
