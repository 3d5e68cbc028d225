"""Every environment variable the bot knows: its unit, default and effect. `.env.example` is held to this file by a test.

Five families: single names (`BOT_MODE`), one wallet's (`BOT_WALLET_<WALLET>__…`), one relay's
(`BOT_RELAY_<RELAY>__…`), one exchange's (`BOT_EXCHANGE_<EXCHANGE>__…`) and limits
(`BOT_LIMIT_<WALLET|GLOBAL|STRATEGY>__…`). A name outside them is refused, because a misspelt limit that is silently
ignored is a limit that is not there.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.core.identity import Address, address_from_hex
from bot.core.loopback import is_loopback
from bot.core.market_data import Pair
from bot.core.quantities import (
    parse_bps,
    parse_bytes,
    parse_count,
    parse_duration,
    parse_gas,
    parse_gas_price,
    parse_wei,
)

PREFIX = "BOT_"
DOLLARS: Final = ("USD", "USDT", "USDC")
"""Followed against each other wherever an asset is."""
TICKER: Final = re.compile(r"[A-Z0-9]{1,20}")

Ether = Annotated[int, BeforeValidator(parse_wei)]
GasPrice = Annotated[int, BeforeValidator(parse_gas_price)]
GasUnits = Annotated[int, BeforeValidator(parse_gas)]
Duration = Annotated[int, BeforeValidator(parse_duration)]
Share = Annotated[int, BeforeValidator(parse_bps)]
Count = Annotated[int, BeforeValidator(parse_count)]
WindowBlocks = Annotated[int, BeforeValidator(parse_count), Field(ge=1, le=8)]
AddressText = Annotated[Address, BeforeValidator(address_from_hex)]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda text: tuple(part.strip().lower() for part in text.split(",") if part.strip())),
]
Addresses = Annotated[
    frozenset[Address],
    BeforeValidator(
        lambda text: frozenset(address_from_hex(part.strip()) for part in text.split(",") if part.strip())
    ),
]
Switch = Annotated[bool, BeforeValidator(lambda text: {"on": True, "off": False}.get(text.lower(), text))]


def _tickers(text: str) -> tuple[str, ...]:
    tickers = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    for ticker in tickers:
        if ticker in DOLLARS:
            raise ValueError(
                f"{ticker} is a dollar: {', '.join(DOLLARS)} are followed with each asset anyway"
            )
        if "/" in ticker:
            raise ValueError(
                f"{ticker} is a pair, and here are assets alone, as ETH; pairs are for BOT_EXCHANGE_<NAME>__PAIRS"
            )
        if not TICKER.fullmatch(ticker):
            raise ValueError(f"{ticker!r} is no ticker; assets are expected, as ETH or ETH,BTC")
    if not tickers:
        raise ValueError("assets are expected, as ETH or ETH,BTC")
    return tickers


def _pairs(text: str) -> tuple[Pair, ...]:
    """Read "ETH/USDT,ETH/USDC"; which of an exchange's pairs are perpetuals its name says."""
    pairs = []
    for part in (part.strip().upper() for part in text.split(",") if part.strip()):
        base, _, quote = part.partition("/")
        if not (TICKER.fullmatch(base) and TICKER.fullmatch(quote)) or base == quote:
            raise ValueError(f"{part!r} is not a pair; two assets are expected, as ETH/USDT")
        if Pair(base, quote) in pairs:
            raise ValueError(f"{part} stands there twice")
        pairs.append(Pair(base, quote))
    if not pairs:
        raise ValueError("pairs are expected, as ETH/USDT,ETH/USDC")
    return tuple(pairs)


def _address(text: str, scheme: str) -> str:
    """A URL of `scheme` with TLS, or without where the host is this machine; no key may stand in it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        # Python's own text quotes the part of the address that may hold a key.
        raise ValueError("not an address" if "@" in text else f"not an address: {error}") from None
    if parts.scheme not in (scheme, f"{scheme}s") or not host:
        raise ValueError(f"an address {scheme}s://<host>… is expected")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address without user, query and fragment is expected")
    if parts.scheme == scheme and not is_loopback(host):
        raise ValueError(f"{host} without TLS: use {scheme}s://; {scheme}:// is for this machine alone")
    return text.rstrip("/")


def _at_least(least: str, parse: Callable[[str], int]) -> BeforeValidator:
    """A parser that refuses less than `least`, and says so in its notation."""

    def read(text: str) -> int:
        number = parse(text)
        if number < parse(least):
            raise ValueError(f"at least {least} is expected")
        return number

    return BeforeValidator(read)


WebsocketUrl = Annotated[str, BeforeValidator(lambda text: _address(text, "ws"))]
HttpUrl = Annotated[str, BeforeValidator(lambda text: _address(text, "http"))]
Tickers = Annotated[tuple[str, ...], BeforeValidator(_tickers)]
Pairs = Annotated[tuple[Pair, ...], BeforeValidator(_pairs)]
PositiveDuration = Annotated[int, _at_least("1 ms", parse_duration)]
PositiveShare = Annotated[int, _at_least("1 bps", parse_bps)]
PositiveCount = Annotated[int, _at_least("1", parse_count)]
RecordingSize = Annotated[int, _at_least("1 MB", parse_bytes)]


def _default(text: str, description: str) -> Any:
    """A default in the operator's own notation: it passes through the same parser as what the operator writes."""
    return Field(text, description=description)


class _Family(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, validate_default=True
    )


class BotVariables(_Family):
    """`BOT_<NAME>`; the field name is the variable's in lower case, the description its effect."""

    mode: Literal["observe", "simulate", "live"] = Field(
        description="observe: find and explain, nothing else needed; simulate: also build and simulate; live: sign and send."
    )
    chain: str = Field(description="Chain profile (a file of bot/chains), or `market`, or `fork`.")
    fork_profile: str = _default("ethereum", "With BOT_CHAIN=fork: the profile of the chain that was forked.")
    rpc_url: str = Field(
        description="Your node: ws://…, wss://… or the path of its IPC socket. Heads are pushed, so no http."
    )
    data_dir: Path | None = Field(None, description="Journal, HALT file, logs. Default ./var/<chain id>/.")
    executor: AddressText | None = Field(
        None, description="Your deployed Executor. Required from simulate on."
    )
    profit_recipient: AddressText | None = Field(
        None,
        description="Where the Executor sends profit; must equal what the contract says. Required from simulate on.",
    )
    wallets: Names = _default("", "Names of the wallets, comma separated. Required from simulate on.")
    relays: Names = _default("", "Relays to send to, by row name, comma separated. Required in live.")
    signer_socket: Path | None = Field(
        None, description="Unix socket of `bot signer`. Default: a 0700 folder of your own."
    )
    bid_share: Share = _default(
        "50 %", "Part of the net profit paid to the block builder while little is learned of what wins."
    )
    bid_floor: Share = _default("5 %", "Least part of the net profit that a learned bid pays.")
    bid_cap: Share = _default("95 %", "Largest part of the net profit that a learned bid pays.")
    bid_learns: Switch = _default(
        "on",
        "on: once enough bundles are decided, bid the share that earned most; off: always BOT_BID_SHARE.",
    )
    bid_outcomes: PositiveCount = _default(
        "60", "Decided bundles (a count) of a strategy before its bids are learned."
    )
    min_net_profit: Ether = _default(
        "0.0002 ETH", "Least profit after worst-case gas and bid; below it nothing is sent."
    )
    priority_fee: GasPrice = _default("0 gwei", "Tip per gas from the wallet, besides the builder payment.")
    gas_margin: Share = _default("30 %", "Gas limit over the estimate by shape.")
    access_lists: Switch = _default(
        "off", "on: give a transaction the access list that saves gas; one question to the node before each."
    )
    window_blocks: WindowBlocks = _default(
        "1", "Blocks (a count) during which a transaction may still execute."
    )
    backruns: Literal["off", "public", "hints", "all"] = _default(
        "off", "Follow pending swaps: of the public pool, of a hint stream, or both. Never before them."
    )
    hints_url: HttpUrl | None = Field(
        None,
        description="Hint stream for BOT_BACKRUNS=hints or all. Default https://mev-share.flashbots.net.",
    )
    backrun_simulations: PositiveCount = _default(
        "24", "Pending transactions (a count) that are simulated between two blocks; the rest is counted."
    )
    state_age: PositiveDuration = _default("6 s", "A head older than this, by arrival, is not acted on.")
    feed_heartbeat: PositiveDuration = _default("10 s", "Quiet time after which the node is probed.")
    feed_silence: PositiveDuration = _default("40 s", "Quiet time after which the feed counts as silent.")
    rpc_timeout: PositiveDuration = _default("2 s", "A read without answer by then is unknown.")
    simulation_timeout: PositiveDuration = _default(
        "1 s", "A simulation without answer by then is unknown: not sent."
    )
    relay_timeout: PositiveDuration = _default(
        "2 s", "A relay without answer by then is unknown; others are not held up."
    )
    signer_timeout: PositiveDuration = _default(
        "2 s", "A signer without answer by then is unknown: budget stays reserved."
    )
    audit_pools: Count = _default("2", "Pools (a count) compared with the chain after every block.")
    token_check_expiry: Duration = _default(
        "24 h",
        "Age at which a token's check counts no more and its pools are barred; checked again before that.",
    )
    tokens_allowed: Addresses = _default(
        "",
        "Tokens traded without a check, by address, comma separated: for one you know better than a check can.",
    )
    tokens_denied: Addresses = _default(
        "",
        "Tokens never traded, by address, comma separated. Wins over every check and over BOT_TOKENS_ALLOWED.",
    )
    exchanges: Names = _default(
        "",
        "Exchanges whose market data is followed, comma separated: no key is needed, nothing is traded there.",
    )
    quote_assets: Tickers = _default(
        "ETH", "Assets followed there, comma separated, with their dollar pairs and the dollars' own."
    )
    quote_age: PositiveDuration = _default("5 s", "An exchange quiet for longer has no price.")
    quote_lag: PositiveDuration = _default(
        "1 s", "Quotes that arrive later than this after their making, beyond the usual delay, are no price."
    )
    reference_exchanges: PositiveCount = _default(
        "2", "Least exchanges (a count) that must agree on a reference price; with fewer there is none."
    )
    reference_stray: PositiveShare = _default(
        "50 bps", "An exchange farther than this from the median of all is left out of the reference price."
    )
    record: Literal["off", "exchanges", "chain", "all"] = _default(
        "off", "Raw messages kept in recordings/ of the data folder: off, exchanges, chain or all."
    )
    recording_cap: RecordingSize = _default(
        "2 GB", "Disk that recordings may take; at that size the oldest are deleted."
    )
    lockstep: Switch = _default("off", "on: tell the local market when a tick is done. Market only.")
    market_seed: Count | None = Field(
        None, description="Seed of the local market, for the report. Market only."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _default("info", "Of the log file.")


class WalletVariables(_Family):
    """`BOT_WALLET_<WALLET>__<NAME>`."""

    keystore: Path = Field(description="Encrypted keystore (V3 JSON); only the signer opens it.")
    password_file: Path | None = Field(
        None, description="File with its password, mode 0600. Without it the signer asks."
    )


class RelayVariables(_Family):
    """`BOT_RELAY_<RELAY>__<NAME>`, the name's dashes written as underscores."""

    url: str | None = Field(
        None, description="Overrides the address in the relay's row; required where the row has none."
    )
    authorization_file: Path | None = Field(
        None,
        description="File, mode 0600, with the account's Authorization header, for relays that ask for one.",
    )


class ExchangeVariables(_Family):
    """`BOT_EXCHANGE_<EXCHANGE>__<NAME>`, the name's dashes written as underscores. All optional."""

    pairs: Pairs | None = Field(
        None,
        description="Pairs followed there, as ETH/USDT,ETH/USDC, instead of its own for BOT_QUOTE_ASSETS.",
    )
    ws_url: WebsocketUrl | None = Field(
        None,
        description="Websocket host instead of its public one, without the exchange's paths: wss://…, or ws:// on loopback.",
    )
    rest_url: HttpUrl | None = Field(
        None,
        description="REST host of binance or binance-usdm instead of its public one, without paths: https://…, or http:// on loopback.",
    )


class WalletLimitVariables(_Family):
    """`BOT_LIMIT_<WALLET>__<NAME>`. Every one is mandatory for every wallet in canary and live."""

    notional_per_trade: Ether = Field(description="Sum of a plan's inputs.")
    fee_per_gas: GasPrice = Field(description="Highest max fee per gas ever signed.")
    gas_per_tx: GasUnits = Field(description="Highest gas limit ever signed.")
    gas_spend_per_day: Ether = Field(
        description="Gas paid plus reserved, per UTC day; the signer counts a day's worst cost on the next day too."
    )
    loss_per_day: Ether = Field(description="Realised loss, per UTC day.")
    value_in_flight: Ether = Field(description="Worst cost of everything signed and not yet resolved.")
    failures_in_a_row: Count = Field(description="Consecutive mined reverts or unknown outcomes (a count).")
    balance_ceiling: Ether = Field(description="A hot wallet that holds more than this does not trade.")


class TighteningLimitVariables(_Family):
    """`BOT_LIMIT_GLOBAL__<NAME>` and `BOT_LIMIT_<STRATEGY>__<NAME>`: optional, they only tighten."""

    notional_per_trade: Ether | None = Field(None, description="As the wallet's.")
    fee_per_gas: GasPrice | None = Field(None, description="As the wallet's.")
    gas_per_tx: GasUnits | None = Field(None, description="As the wallet's.")
    gas_spend_per_day: Ether | None = Field(None, description="As the wallet's.")
    loss_per_day: Ether | None = Field(None, description="As the wallet's.")
    value_in_flight: Ether | None = Field(None, description="As the wallet's.")
    failures_in_a_row: Count | None = Field(None, description="As the wallet's (a count).")
