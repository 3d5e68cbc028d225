"""Environment → frozen settings. Refuses what is missing, what is malformed, and any BOT_ name it does not know.

All problems are said at once, one line each. `.env` in the working directory (or `--env-file`) is read first and
the real environment wins. Nothing is read from the network here and no key is opened.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.chains.load import load_profile, profile_names
from bot.core.errors import BadConfiguration
from bot.core.identity import WalletName
from bot.core.loopback import is_loopback
from bot.core.market_data import Pair
from bot.core.profile import ChainProfile, SlotRule
from bot.core.signer_protocol import SOCKET_PATH_MAX
from bot.core.units import BPS_WHOLE
from bot.feeds.cex.venues import VENUES
from bot.risk.limits import Limits, Tightening, wallet_limits
from bot.variables import (
    PREFIX,
    BotVariables,
    ExchangeVariables,
    RelayVariables,
    TighteningLimitVariables,
    WalletLimitVariables,
    WalletVariables,
)

Model = TypeVar("Model", bound=BaseModel)

STRATEGIES = ("arbitrage", "backrun")
"""Names that may stand in BOT_LIMIT_<STRATEGY>__… ."""
GLOBAL = "global"
EXCHANGES: Final = ("binance", "binance-usdm", "coinbase", "kraken", "okx", "bybit")
"""Names that may stand in BOT_EXCHANGES."""
PERPETUALS: Final = frozenset({"binance-usdm"})
"""Exchanges of EXCHANGES whose every pair is a perpetual future."""


class ExchangeSettings(msgspec.Struct, frozen=True):
    """One exchange of BOT_EXCHANGES; None stands for the venue's own."""

    name: str
    pairs: tuple[Pair, ...] | None = None
    ws_url: str | None = None
    rest_url: str | None = None


class Settings(msgspec.Struct, frozen=True):
    """What the operator asked for, checked for form; whether the chain agrees is checked by `doctor` and at start."""

    variables: BotVariables
    chain: ChainProfile
    data_dir: Path
    signer_socket: Path
    wallets: dict[str, WalletVariables]
    wallet_limits: dict[str, WalletLimitVariables]
    tightening_limits: dict[str, TighteningLimitVariables]
    """By `global` or strategy name."""
    relays: dict[str, RelayVariables]
    """By relay name, in the order of BOT_RELAYS; an url of None means the row's own address."""
    exchanges: tuple[ExchangeSettings, ...] = ()
    """In the order of BOT_EXCHANGES."""

    @property
    def mode(self) -> str:
        return self.variables.mode

    @property
    def sends(self) -> bool:
        return self.variables.mode == "live"

    @property
    def slot_rule(self) -> SlotRule:
        """A local market and a fork seal blocks at their own pace, whatever their timestamps say."""
        slot = self.chain.slot
        return msgspec.structs.replace(slot, kind="observed") if self.chain.is_throwaway else slot

    @property
    def records_exchanges(self) -> bool:
        return self.variables.record in ("exchanges", "all")

    @property
    def records_chain(self) -> bool:
        return self.variables.record in ("chain", "all")


def read_environment(env_file: Path | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """BOT_ variables of the file (default `.env`, if it is there) overlaid by the process environment.

    An empty value counts as not set, so that an empty limit is a missing one and refused as such.
    """
    real = os.environ if environ is None else environ
    path = env_file or Path(".env")
    if env_file is not None and not env_file.is_file():
        raise BadConfiguration(f"--env-file {env_file}: no such file")
    from_file = dotenv_values(path, interpolate=False) if path.is_file() else {}
    merged = {name: value for name, value in from_file.items() if value is not None} | dict(real)
    return {name: value for name, value in merged.items() if name.startswith(PREFIX) and value}


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Raises BadConfiguration with every problem, one line each."""
    problems: list[str] = []
    families = _split(environment, problems)
    variables = _validate(BotVariables, families.single, PREFIX, problems)
    if variables is None:
        raise BadConfiguration(*problems)
    chain = _chain(variables, problems)
    wallets = _wallets(variables, families, problems)
    limits, tightening = _limits(variables, families, problems)
    relays = _relays(variables, families, problems)
    exchanges = _exchanges(variables, families, problems)
    problems += _missing_for_mode(variables) + _contradictions(variables)
    if problems or chain is None:
        raise BadConfiguration(*problems)
    return Settings(
        variables=variables,
        chain=chain,
        data_dir=(variables.data_dir or Path("var") / str(chain.chain_id)).absolute(),
        signer_socket=signer_socket(variables, problems),
        wallets=wallets,
        wallet_limits=limits,
        tightening_limits=tightening,
        relays=relays,
        exchanges=exchanges,
    )


def signer_socket(variables: BotVariables, problems: list[str]) -> Path:
    """The configured socket, or one in a short 0700 folder of this user (a socket path holds 107 bytes)."""
    chosen = variables.signer_socket
    if chosen is None:
        base = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/bot-{os.getuid()}"  # noqa: S108  # made 0700 and checked by the signer
        chosen = Path(base) / f"signer-{variables.chain}.sock"
    if len(str(chosen.absolute()).encode()) > SOCKET_PATH_MAX:
        problems.append(
            f"BOT_SIGNER_SOCKET: {chosen} has {len(str(chosen.absolute()))} bytes, a socket path holds "
            f"{SOCKET_PATH_MAX}; choose a shorter folder"
        )
    return chosen.absolute()


def limits_of(settings: Settings) -> Limits:
    """The limits as the risk gate takes them."""
    return Limits(
        wallets=wallet_limits(
            {WalletName(name): limits.model_dump() for name, limits in settings.wallet_limits.items()}
        ),
        strategies={
            name: Tightening(**limits.model_dump())
            for name, limits in settings.tightening_limits.items()
            if name != GLOBAL
        },
        everywhere=(
            Tightening(**settings.tightening_limits[GLOBAL].model_dump())
            if GLOBAL in settings.tightening_limits
            else Tightening()
        ),
    )


class _Families(msgspec.Struct):
    single: dict[str, str] = {}
    wallet: dict[str, dict[str, str]] = {}
    relay: dict[str, dict[str, str]] = {}
    exchange: dict[str, dict[str, str]] = {}
    limit: dict[str, dict[str, str]] = {}


def _split(environment: Mapping[str, str], problems: list[str]) -> _Families:
    families = _Families()
    groups = {
        "WALLET_": families.wallet,
        "RELAY_": families.relay,
        "EXCHANGE_": families.exchange,
        "LIMIT_": families.limit,
    }
    for name, value in sorted(environment.items()):
        rest = name.removeprefix(PREFIX)
        family = next((prefix for prefix in groups if rest.startswith(prefix)), None)
        if family is None:
            families.single[rest.lower()] = value
            continue
        member, separator, field = rest.removeprefix(family).partition("__")
        if not separator or not member or not field:
            problems.append(f"{name}: unknown name; expected {PREFIX}{family}<NAME>__<FIELD>")
            continue
        groups[family].setdefault(member.lower(), {})[field.lower()] = value
    return families


def _validate(
    model: type[Model], values: Mapping[str, str], prefix: str, problems: list[str]
) -> Model | None:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems += [_one_line(model, problem, values, prefix) for problem in error.errors()]
        return None


def _one_line(model: type[BaseModel], problem: ErrorDetails, values: Mapping[str, str], prefix: str) -> str:
    kind, field = problem["type"], str(problem["loc"][0])
    name = prefix + field.upper()
    if kind == "missing":
        return f"{name} is not set: {model.model_fields[field].description}"
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(field, model.model_fields, n=1)
        hint = (
            f"; did you mean {prefix}{close[0].upper()}?"
            if close
            else "; see .env.example for the names there are"
        )
        return f"{name}: unknown name{hint}"
    said = problem["msg"].removeprefix("Value error, ")
    value = values.get(field, "")
    shown = _masked(value) if field.endswith("url") else repr(value)
    return f"{name}={shown}: {said}"


def _masked(url: str) -> str:
    """Quoted; of one with user, query or fragment, which may hold a key, the scheme alone."""
    scheme, separator, _ = url.partition("://")
    return repr(f"{scheme}{separator}…" if separator else "…") if set(url) & set("@?#") else repr(url)


def _chain(variables: BotVariables, problems: list[str]) -> ChainProfile | None:
    is_fork = variables.chain == "fork"
    name = variables.fork_profile if is_fork else variables.chain
    try:
        profile = load_profile(name)
    except KeyError:
        variable = "BOT_FORK_PROFILE" if is_fork else "BOT_CHAIN"
        problems.append(
            f"{variable}={name!r}: no such chain profile; there are {', '.join((*profile_names(), 'fork'))}"
        )
        return None
    if variables.lockstep and profile.name != "market":
        problems.append("BOT_LOCKSTEP=on: only the local market (BOT_CHAIN=market) runs in lockstep")
    return msgspec.structs.replace(profile, is_throwaway=True) if is_fork else profile


def _wallets(variables: BotVariables, families: _Families, problems: list[str]) -> dict[str, WalletVariables]:
    wallets: dict[str, WalletVariables] = {}
    problems += [
        f"BOT_WALLETS: a wallet cannot be called {name!r}: BOT_LIMIT_{name.upper()}__… means something else"
        for name in variables.wallets
        if name in (GLOBAL, *STRATEGIES)
    ]
    for name in variables.wallets:
        wallet = _validate(
            WalletVariables, families.wallet.get(name, {}), f"BOT_WALLET_{name.upper()}__", problems
        )
        if wallet is not None:
            wallets[name] = wallet
    problems += _strangers("WALLET", families.wallet, variables.wallets, "BOT_WALLETS")
    return wallets


def _relays(variables: BotVariables, families: _Families, problems: list[str]) -> dict[str, RelayVariables]:
    by_key = {name.replace("-", "_"): name for name in variables.relays}
    found = {
        name: _validate(RelayVariables, families.relay.get(key, {}), f"BOT_RELAY_{key.upper()}__", problems)
        for key, name in by_key.items()
    }
    problems += _strangers("RELAY", families.relay, by_key, "BOT_RELAYS")
    return {name: row for name, row in found.items() if row is not None}


def _exchanges(
    variables: BotVariables, families: _Families, problems: list[str]
) -> tuple[ExchangeSettings, ...]:
    names = variables.exchanges
    found = []
    problems += [
        f"BOT_EXCHANGES: {name!r} is not known; there are {', '.join(EXCHANGES)}"
        for name in names
        if name not in EXCHANGES
    ]
    problems += [
        f"BOT_EXCHANGES: {name!r} stands there twice"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if variables.record == "exchanges" and not names:
        problems.append("BOT_RECORD=exchanges: BOT_EXCHANGES names none to record")
    by_key = {name.replace("-", "_"): name for name in names}
    for key, name in by_key.items():
        prefix = f"BOT_EXCHANGE_{key.upper()}__"
        given = _validate(ExchangeVariables, families.exchange.get(key, {}), prefix, problems)
        if given is None:
            continue
        problems += _without_effect(given, name, prefix)
        if variables.chain == "market":
            problems += _off_the_machine(given, name, prefix)
        pairs = given.pairs and tuple(Pair(p.base, p.quote, name in PERPETUALS) for p in given.pairs)
        found.append(ExchangeSettings(name, pairs, given.ws_url, given.rest_url))
    problems += _strangers("EXCHANGE", families.exchange, by_key, "BOT_EXCHANGES")
    return tuple(found)


def _without_effect(given: ExchangeVariables, name: str, prefix: str) -> list[str]:
    """Addresses that would not be what they seem: the exchange's path twice, REST where there is none."""
    if name not in VENUES:
        return []
    venue = VENUES[name]
    path = urlsplit(venue.url("", ())).path
    problems = []
    if path and given.ws_url is not None and given.ws_url.endswith(path):
        problems.append(f"{prefix}WS_URL ends with {path}, which is added to it: leave that out")
    if given.rest_url is not None and venue.snapshot is None:
        problems.append(f"{prefix}REST_URL has no effect: {name} is followed without REST; remove it")
    return problems


def _off_the_machine(given: ExchangeVariables, name: str, prefix: str) -> list[str]:
    """On the local market, whose prices are made up: real ones beside them would mislead."""
    needed = {"WS_URL": given.ws_url}
    if name in VENUES and VENUES[name].snapshot is not None:
        needed["REST_URL"] = given.rest_url
    return [
        f"{prefix}{field} {'is not set' if url is None else 'is not on loopback'}: on the local market "
        f"{name} must be the market's own"
        for field, url in needed.items()
        if url is None or not is_loopback(urlsplit(url).hostname)
    ]


def _limits(
    variables: BotVariables, families: _Families, problems: list[str]
) -> tuple[dict[str, WalletLimitVariables], dict[str, TighteningLimitVariables]]:
    wallet_limits: dict[str, WalletLimitVariables] = {}
    tightening: dict[str, TighteningLimitVariables] = {}
    for name, values in families.limit.items():
        if name in variables.wallets:
            continue
        if name not in (GLOBAL, *STRATEGIES):
            known = ", ".join((*variables.wallets, GLOBAL, *STRATEGIES))
            problems.append(
                f"BOT_LIMIT_{name.upper()}__…: {name!r} is no wallet of BOT_WALLETS and no strategy; known: {known}"
            )
            continue
        limit = _validate(TighteningLimitVariables, values, f"BOT_LIMIT_{name.upper()}__", problems)
        if limit is not None:
            tightening[name] = limit
    for name in variables.wallets:
        if variables.mode != "live" and name not in families.limit:
            continue
        wallet = _validate(
            WalletLimitVariables, families.limit.get(name, {}), f"BOT_LIMIT_{name.upper()}__", problems
        )
        if wallet is not None:
            wallet_limits[name] = wallet
    return wallet_limits, tightening


def _strangers(family: str, given: Iterable[str], known: Iterable[str], listed_in: str) -> list[str]:
    names = set(known)
    return [
        f"BOT_{family}_{name.upper()}__…: {name!r} is not listed in {listed_in}; add it there or remove the variable"
        for name in given
        if name not in names
    ]


def _contradictions(variables: BotVariables) -> list[str]:
    """Values that are good alone and not together."""
    said = []
    if not variables.bid_floor <= variables.bid_share <= variables.bid_cap <= BPS_WHOLE:
        said.append(
            f"BOT_BID_FLOOR={variables.bid_floor} bps, BOT_BID_SHARE={variables.bid_share} bps, BOT_BID_CAP="
            f"{variables.bid_cap} bps: the share must lie from floor to cap, and the cap at {BPS_WHOLE} bps or below"
        )
    if variables.hints_url is not None and variables.backruns not in ("hints", "all"):
        said.append(f"BOT_HINTS_URL is set, and BOT_BACKRUNS={variables.backruns} follows no hints")
    return said


def _missing_for_mode(variables: BotVariables) -> list[str]:
    """Names that are optional in observe and mandatory once transactions are built, signed or sent."""
    needed = {"observe": (), "simulate": ("executor", "profit_recipient", "wallets")}.get(
        variables.mode, ("executor", "profit_recipient", "wallets", "relays")
    )
    return [
        f"{PREFIX}{name.upper()} is not set, and BOT_MODE={variables.mode} needs it: "
        f"{BotVariables.model_fields[name].description}"
        for name in needed
        if not getattr(variables, name)
    ]
