"""Fields of eth_sendBundle that only some relays have, checked as those relays check them (relays.md section 2.1).

Their effect is not built: refunds are not paid and nothing is dropped from within a bundle. What a relay would refuse
is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.world.json_rpc import RpcError, invalid_params

_MOST_REFUND_PERCENT = 99
_OF_V2 = (
    "droppingTxHashes",
    "refundPercent",
    "refundRecipient",
    "refundTxHashes",
    "delayedRefund",
    "refundIdentity",
)


def check_versioned(options: Mapping[str, Any]) -> None:
    """BuilderNet's rules: `version` v1 knows none of the newer fields; without one it is v2. Raises RpcError."""
    if options.get("signingAddress") is not None:
        raise invalid_params("signing address field should not be set")
    version = options.get("version") or "v2"
    if version not in {"v1", "v2"}:
        raise invalid_params("invalid version")
    present = [name for name in _OF_V2 if options.get(name) is not None]
    if version == "v1" and present:
        raise invalid_params(f"{present[0]} is not supported in version v1")
    check_refund(options, least_percent=1)


def check_refund(options: Mapping[str, Any], *, least_percent: int = 0) -> None:
    """Raises RpcError."""
    percent = options.get("refundPercent")
    if percent is not None and (
        not isinstance(percent, int) or not least_percent <= percent <= _MOST_REFUND_PERCENT
    ):
        raise _out_of_range(percent, least_percent)
    hashes = options.get("refundTxHashes") or []
    if not isinstance(hashes, list) or len(hashes) > 1:
        raise invalid_params("no more than one refund tx hash is allowed")


def _out_of_range(percent: object, least: int) -> RpcError:
    return invalid_params(f"refundPercent must be {least} to {_MOST_REFUND_PERCENT}, got {percent!r}")
