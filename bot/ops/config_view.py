"""`bot config`: the settings as they are understood. `--suggest` prints a conservative set of limits to copy."""

import argparse
from collections.abc import Iterator
from typing import Any

from bot.chain.rpc import redact_url
from bot.core.identity import to_checksum
from bot.exchange_settings import ExchangeSettings
from bot.feeds.cex.venues import VENUES
from bot.ops.exchange_checks import price_warnings
from bot.ops.run_folder import deliver
from bot.settings import Settings, load_settings, read_environment

SUGGESTED_LIMITS = {
    "NOTIONAL_PER_TRADE": "20 ETH",
    "FEE_PER_GAS": "50 gwei",
    "GAS_PER_TX": "1200000 gas",
    "GAS_SPEND_PER_DAY": "0.05 ETH",
    "LOSS_PER_DAY": "0.02 ETH",
    "VALUE_IN_FLIGHT": "0.06 ETH",
    "FAILURES_IN_A_ROW": "3",
    "BALANCE_CEILING": "0.3 ETH",
}
"""Small enough to learn with: a day of everything going wrong costs 0.07 ETH. VALUE_IN_FLIGHT admits one transaction
of GAS_PER_TX at FEE_PER_GAS, which is 0.06 ETH."""


def print_config(options: argparse.Namespace) -> int:
    """Exit 2, with a line a problem, where the settings do not stand."""
    environment = read_environment(options.env_file)
    if options.suggest:
        wallets = [name.strip() for name in environment.get("BOT_WALLETS", "main").split(",") if name.strip()]
        lines = {
            f"BOT_LIMIT_{wallet.upper()}__{name}": value
            for wallet in wallets
            for name, value in SUGGESTED_LIMITS.items()
        }
        text = "\n".join(f'{name}="{value}"' for name, value in lines.items())
        deliver({"schema": 1, "suggested": lines}, text, as_json=options.json, file=options.report)
        return 0
    content = _content(load_settings(environment))
    text = "\n".join(f"{name:<22} {value}" for name, value in _rows(content))
    deliver({"schema": 1, **content}, text, as_json=options.json, file=options.report)
    return 0


def _content(settings: Settings) -> dict[str, Any]:
    """Nothing secret: URLs without what stands in their path, keystores by file name."""
    shown: dict[str, Any] = {}
    for name, value in settings.variables.model_dump().items():
        if isinstance(value, bytes):
            shown[name] = to_checksum(value)
        elif name == "rpc_url":
            shown[name] = redact_url(value)
        elif isinstance(value, frozenset):
            shown[name] = sorted(to_checksum(address) for address in value)
        elif isinstance(value, tuple):
            shown[name] = list(value)
        else:
            shown[name] = value if isinstance(value, bool | int | None) else str(value)
    shown["chain_id"] = settings.chain.chain_id
    shown["data_dir"] = str(settings.data_dir)
    shown["signer_socket"] = str(settings.signer_socket)
    shown["keystores"] = {name: str(wallet.keystore) for name, wallet in settings.wallets.items()}
    shown["limits"] = {name: limits.model_dump() for name, limits in settings.wallet_limits.items()}
    shown["tightening"] = {
        name: limits.model_dump(exclude_none=True) for name, limits in settings.tightening_limits.items()
    }
    shown["relays"] = {
        name: redact_url(relay.url) if relay.url else "its own address"
        for name, relay in settings.relays.items()
    }
    shown["exchanges"] = {
        exchange.name: {
            "pairs": "its own" if exchange.pairs is None else [str(pair) for pair in exchange.pairs],
            "ws_url": redact_url(exchange.ws_url) if exchange.ws_url else "its own address",
            "rest_url": _rest_url(exchange),
        }
        for exchange in settings.exchanges
    }
    shown["warnings"] = price_warnings(settings)
    return shown


def _rows(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if name == "exchanges":
            yield from ((f"exchange {exchange}", _in_words(row)) for exchange, row in value.items())
        elif name == "warnings":
            yield from (("WARNING", line) for line in value)
        else:
            yield name, _in_words(value)


def _rest_url(exchange: ExchangeSettings) -> str:
    if VENUES[exchange.name].snapshot is None:
        return "not used"
    return redact_url(exchange.rest_url) if exchange.rest_url else "its own address"


def _in_words(value: object) -> str:
    """Members one after the other, without brackets and quotation marks."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_in_words(of)}" for name, of in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
