"""Rates of relay faults as a person writes them: one number, a few names, or a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.world.relay_faults import FAULT_KINDS, RelayFaultRates
from bot.world.relay_kinds import KINDS


def read_relay_fault_rates(text: str) -> dict[str, RelayFaultRates]:
    """By endpoint, "*" for all others; what Shocks.relays takes. Raises ValueError that says what is wrong.

    "50": every fault strikes every relay once in 50 blocks. "latency=20,closed=40": these alone. Anything else is a
    file of JSON: {"market-titan": {"closed": 10}, "*": {"latency": 20, "latency_ms": 500}}.
    """
    if text.isdecimal():
        return {"*": RelayFaultRates(**dict.fromkeys(FAULT_KINDS, int(text)))}
    if "=" in text:
        return {"*": _named(text)}
    try:
        rates = msgspec.json.decode(Path(text).read_bytes(), type=dict[str, RelayFaultRates])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"relay faults of {text}: {error}") from error
    unknown = rates.keys() - {"*", *KINDS}
    if unknown:
        raise ValueError(
            f"relay faults of {text}: no relay is called {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}"
        )
    return rates


def _named(text: str) -> RelayFaultRates:
    try:
        pairs = (part.split("=", 1) for part in text.split(","))
        return msgspec.convert({name: int(blocks) for name, blocks in pairs}, RelayFaultRates)
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"relay faults {text!r}: {error}; known: {', '.join(FAULT_KINDS)}") from error
