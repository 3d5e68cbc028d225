"""Environment → frozen settings. Refuses what is missing, what is malformed, and any BOT_ name it does not know.

All problems are said at once, one line each. `.env` in the working directory (or `--env-file`) is read first and
the real environment wins. Nothing is read from the network here and no key is opened.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from dotenv import dotenv_values
from pydantic import BaseModel

from bot.chains.load import load_profile, profile_names
from bot.core.errors import BadConfiguration
from bot.core.identity import WalletName
from bot.core.profile import ChainProfile, SlotRule
from bot.core.signer_protocol import SOCKET_PATH_MAX
from bot.core.units import BPS_WHOLE
from bot.exchange_settings import ExchangeSettings, exchange_settings
from bot.risk.limits import Limits, Tightening, wallet_limits
from bot.variable_families import Families, split, strangers, validate
from bot.variables import (
    PREFIX,
    BotVariables,
    RelayVariables,
    TighteningLimitVariables,
    WalletLimitVariables,
    WalletVariables,
)

Model = TypeVar("Model", bound=BaseModel)

STRATEGIES = ("arbitrage", "backrun")
"""Names that may stand in BOT_LIMIT_<STRATEGY>__… ."""
GLOBAL = "global"


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
    families = split(environment, problems)
    variables = validate(BotVariables, families.single, PREFIX, problems)
    if variables is None:
        raise BadConfiguration(*problems)
    chain = _chain(variables, problems)
    wallets = _wallets(variables, families, problems)
    limits, tightening = _limits(variables, families, problems)
    relays = _relays(variables, families, problems)
    exchanges = exchange_settings(variables, families, problems)
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


def _wallets(variables: BotVariables, families: Families, problems: list[str]) -> dict[str, WalletVariables]:
    wallets: dict[str, WalletVariables] = {}
    problems += [
        f"BOT_WALLETS: a wallet cannot be called {name!r}: BOT_LIMIT_{name.upper()}__… means something else"
        for name in variables.wallets
        if name in (GLOBAL, *STRATEGIES)
    ]
    for name in variables.wallets:
        wallet = validate(
            WalletVariables, families.wallet.get(name, {}), f"BOT_WALLET_{name.upper()}__", problems
        )
        if wallet is not None:
            wallets[name] = wallet
    problems += strangers("WALLET", families.wallet, variables.wallets, "BOT_WALLETS")
    return wallets


def _relays(variables: BotVariables, families: Families, problems: list[str]) -> dict[str, RelayVariables]:
    by_key = {name.replace("-", "_"): name for name in variables.relays}
    found = {
        name: validate(RelayVariables, families.relay.get(key, {}), f"BOT_RELAY_{key.upper()}__", problems)
        for key, name in by_key.items()
    }
    problems += strangers("RELAY", families.relay, by_key, "BOT_RELAYS")
    return {name: row for name, row in found.items() if row is not None}


def _limits(
    variables: BotVariables, families: Families, problems: list[str]
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
        limit = validate(TighteningLimitVariables, values, f"BOT_LIMIT_{name.upper()}__", problems)
        if limit is not None:
            tightening[name] = limit
    for name in variables.wallets:
        if variables.mode != "live" and name not in families.limit:
            continue
        wallet = validate(
            WalletLimitVariables, families.limit.get(name, {}), f"BOT_LIMIT_{name.upper()}__", problems
        )
        if wallet is not None:
            wallet_limits[name] = wallet
    return wallet_limits, tightening


def _contradictions(variables: BotVariables) -> list[str]:
    """Values that are good alone and not together."""
    said = []
    if not variables.bid_floor <= variables.bid_share <= variables.bid_cap <= BPS_WHOLE:
        said.append(
            f"BOT_BID_FLOOR={variables.bid_floor} bps, BOT_BID_SHARE={variables.bid_share} bps, BOT_BID_CAP="
            f"{variables.bid_cap} bps: the share must lie from floor to cap, and the cap at {BPS_WHOLE} bps or below"
        )
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
