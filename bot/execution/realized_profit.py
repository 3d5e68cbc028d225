"""Profit as the logs tell it: the base token's Transfer from the Executor to the recipient."""

from collections.abc import Iterable
from typing import Final

from bot.core.identity import Address, keccak
from bot.core.messages import Log
from bot.core.units import TokenUnits

TRANSFER_TOPIC: Final = keccak(b"Transfer(address,address,uint256)")
"""ERC-20. Topics: this, from, to; data: the amount."""


def profit_transfers(
    logs: Iterable[Log], token: Address, executor: Address, recipient: Address
) -> list[TokenUnits]:
    """Amount of each such transfer, in log order; the Executor makes exactly one.

    Only logs of `token` itself count: any contract can emit the same topics. What the Executor pays into a pool goes
    elsewhere than to the recipient and does not count.
    """
    wanted = (TRANSFER_TOPIC, bytes(12) + executor, bytes(12) + recipient)
    return [
        TokenUnits(int.from_bytes(log.data, "big"))
        for log in logs
        if log.address == token and log.topics == wanted and len(log.data) == 32
    ]
