"""Read a chain profile. A profile is shipped data: a mistake in it is ours, so it raises ValueError, not a setting's line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from bot.core.identity import Address, address_from_hex, from_hex
from bot.core.profile import (
    BaseFeeRule,
    ChainProfile,
    FeeKind,
    ForkFrom,
    ProtocolName,
    SlotKind,
    SlotRule,
    Token,
    Venue,
)
from bot.core.units import Nanoseconds, WeiPerGas

PROFILE_FOLDER = Path(__file__).parent
_FEE_OF_EACH_POOL = "0/1000000"
"""V3: a venue has tiers, and its fees are in millionths."""


def profile_names() -> tuple[str, ...]:
    """Names that BOT_CHAIN may take, besides `fork`."""
    return tuple(sorted(path.stem for path in PROFILE_FOLDER.glob("*.toml")))


def load_profile(name: str) -> ChainProfile:
    """Raises KeyError for an unknown name, ValueError for a malformed file."""
    path = PROFILE_FOLDER / f"{name}.toml"
    if name not in profile_names():
        raise KeyError(name)
    return parse_profile(tomllib.loads(path.read_text()))


def parse_profile(raw: Mapping[str, Any]) -> ChainProfile:
    tokens = {
        symbol: Token(symbol, address_from_hex(row["address"]), int(row["decimals"]))
        for symbol, row in raw["tokens"].items()
    }
    venues = tuple(_venue(row) for row in raw["venues"])
    named: dict[str, Address] = {symbol: token.address for symbol, token in tokens.items()}
    named |= {venue.name: venue.factory for venue in venues}
    multicall3 = address_from_hex(raw["multicall3"])
    named["multicall3"] = multicall3
    forks = tuple(ForkFrom(row["name"], int(row["from_timestamp"])) for row in raw.get("gas_schedules", ()))
    return ChainProfile(
        name=raw["name"],
        chain_id=int(raw["chain_id"]),
        slot=_slot(raw["slot"]),
        gas_schedule=raw["gas_schedule"] if "gas_schedule" in raw else forks[0].name,
        weth=tokens[raw["weth"]],
        base_tokens=tuple(tokens[symbol] for symbol in raw["base_tokens"]),
        tokens=tuple(tokens.values()),
        multicall3=multicall3,
        venues=venues,
        discovery=raw["discovery"],
        code_hashes={named[name]: from_hex(text) for name, text in raw["code_hashes"].items()},
        is_throwaway=bool(raw.get("throwaway", False)),
        gas_schedules=forks,
        fees=_fee_kind(raw.get("fees", {})),
        base_fee=_base_fee(raw.get("fees", {})),
    )


def _slot(row: Mapping[str, Any]) -> SlotRule:
    kind = row.get("kind", "slots")
    seconds = int(row["seconds"])
    if kind not in ("slots", "observed") or seconds < 1:
        raise ValueError(f"[slot] kind {kind!r}, seconds {seconds}: slots or observed, at least one second")
    rule = SlotRule(int(row["genesis_time"]), seconds, cast("SlotKind", kind))
    given = {
        field: Nanoseconds(int(row[f"{field}_ms"]) * 1_000_000)
        for field in ("closes_after", "heads_after")
        if f"{field}_ms" in row
    }
    return msgspec.structs.replace(rule, **given)


def _fee_kind(row: Mapping[str, Any]) -> FeeKind:
    kind = row.get("kind", "layer-1")
    if kind not in get_args(FeeKind):
        raise ValueError(f"[fees] kind {kind!r}: use one of {', '.join(get_args(FeeKind))}")
    return cast("FeeKind", kind)


def _base_fee(row: Mapping[str, Any]) -> BaseFeeRule:
    rule = BaseFeeRule(
        int(row.get("elasticity", 2)),
        int(row.get("denominator", 8)),
        WeiPerGas(int(row.get("minimum_base_fee", 0))),
    )
    if rule.elasticity < 1 or rule.denominator < 1 or rule.minimum < 0:
        raise ValueError(
            f"[fees] elasticity {rule.elasticity}, denominator {rule.denominator}, minimum_base_fee {rule.minimum}:"
            " at least 1, 1 and 0"
        )
    return rule


def _venue(row: Mapping[str, Any]) -> Venue:
    numerator, denominator = (int(part) for part in row.get("fee", _FEE_OF_EACH_POOL).split("/"))
    factory = address_from_hex(row["factory"])
    return Venue(
        name=row["name"],
        protocol=cast("ProtocolName", row["protocol"]),
        factory=factory,
        init_code_hash=from_hex(row["init_code_hash"]),
        fee_numerator=numerator,
        fee_denominator=denominator,
        first_block=int(row["first_block"]),
        deployer=address_from_hex(row["deployer"]) if "deployer" in row else factory,
        fee_tiers=tuple((int(fee), int(spacing)) for fee, spacing in row.get("fee_tiers", ())),
    )
