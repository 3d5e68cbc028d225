"""What a hint on a private transaction says, by what its sender lets be known.

Names, implications and rounding are those of the MEV-Share node (mevshare/hints.go, mevshare.go; relays.md 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.core.identity import hex_bytes, hex_quantity, keccak
from bot.world.raw_transaction import RawTransaction

Hints = frozenset[str]

DEFAULT_HINTS: Hints = frozenset({"hash", "special_logs"})
"""Where the sender states none: Protect's own."""
EVERY_HINT: Hints = frozenset(
    {"calldata", "contract_address", "function_selector", "hash", "logs", "special_logs", "tx_hash"}
)
_OTHER_NAMES = {"default_logs": "special_logs"}
_IMPLIED = {
    "calldata": frozenset({"function_selector", "contract_address"}),
    "function_selector": frozenset({"contract_address"}),
}
_OF_THE_TRANSACTION = frozenset({"contract_address", "function_selector", "calldata", "tx_hash"})

_SWAP_V2 = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
_SWAP_V3 = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
_CURVE_EXCHANGE = "0x8b3e96f2b889fa771c53c981b40daf005f63f637f1869f707052d15a3dd97140"
_BALANCER_SWAP = "0x2170c741c41531aec20e7c107c24eecfdd15e69c9bb0a8dd37b1840b9e0b207b"
_POOL_BY_ADDRESS = frozenset({_SWAP_V2, _SWAP_V3, _CURVE_EXCHANGE})
_HIDDEN_TOPIC = "0x" + "00" * 32

GAS_PRICE_DIGITS = 3
GAS_DIGITS = 2


def hints_of(names: Iterable[str]) -> Hints:
    """The hints behind these names, implied ones included; any hint at all reveals the hash.

    Raises ValueError with the names there are.
    """
    wanted: set[str] = set()
    for name in names:
        known = _OTHER_NAMES.get(name, name)
        if known == "full":
            wanted |= EVERY_HINT
        elif known in EVERY_HINT:
            wanted |= {known, "hash"} | _IMPLIED.get(known, frozenset())
        else:
            raise ValueError(
                f"no such hint: {name!r}; there are {', '.join(sorted({*EVERY_HINT, *_OTHER_NAMES, 'full'}))}"
            )
    return frozenset(wanted)


def matching_hash(tx: RawTransaction) -> bytes:
    """32 bytes, by which a hint names its transaction: the keccak of the transaction's hash."""
    return keccak(tx.hash)


def hint_json(
    tx: RawTransaction,
    wanted: Hints,
    logs: Sequence[Mapping[str, Any]],
    mev_gas_price: int,
    gas_used: int,
) -> dict[str, Any]:
    """The event of one transaction. `logs`: what it leaves where it was simulated, as JSON-RPC gives them.

    `mev_gas_price`: wei for each gas, tips and payments alike; stated rounded up to 3 digits, `gas_used` to 2.
    """
    about = _transaction_part(tx, wanted)
    return {
        "hash": hex_bytes(matching_hash(tx)),
        "logs": _shown_logs(wanted, logs),
        "txs": [about] if about else None,
        "mevGasPrice": hex_quantity(round_up(max(mev_gas_price, 0), GAS_PRICE_DIGITS)),
        "gasUsed": hex_quantity(round_up(gas_used, GAS_DIGITS)),
    }


def round_up(number: int, digits: int) -> int:
    """`number` >= 0 to its first decimal digits, upwards."""
    unit: int = 10 ** max(len(str(number)) - digits, 0)
    return -(-number // unit) * unit


def _transaction_part(tx: RawTransaction, wanted: Hints) -> dict[str, Any]:
    part: dict[str, Any] = {}
    if not wanted & _OF_THE_TRANSACTION:
        return part
    if "tx_hash" in wanted:
        part["hash"] = hex_bytes(tx.hash)
    if "contract_address" in wanted and tx.to is not None:
        part["to"] = hex_bytes(tx.to)
    if "function_selector" in wanted:
        part["functionSelector"] = hex_bytes(tx.data[:4].ljust(4, b"\0"))
    if "calldata" in wanted:
        part["callData"] = hex_bytes(tx.data)
    return part


def _shown_logs(wanted: Hints, logs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    if "logs" in wanted:
        shown = [
            {"address": log["address"], "topics": list(log["topics"]), "data": log["data"]} for log in logs
        ]
    elif "special_logs" in wanted:
        shown = [hidden for log in logs if (hidden := _swap_alone(log)) is not None]
    else:
        return None
    return shown or None


def _swap_alone(log: Mapping[str, Any]) -> dict[str, Any] | None:
    """That a pool was swapped in and no more; None of any other log."""
    topics = list(log["topics"])
    if not topics:
        return None
    if topics[0] in _POOL_BY_ADDRESS:
        kept = 1
    elif topics[0] == _BALANCER_SWAP and len(topics) > 1:
        kept = 2  # all its pools are one contract: the second topic is the pool
    else:
        return None
    return {
        "address": log["address"],
        "topics": topics[:kept] + [_HIDDEN_TOPIC] * (len(topics) - kept),
        "data": "0x",
    }
