"""Which of the traders' swaps are kept from the public pool, and how they are handed to the MEV-Share node.

Who hides what follows from the seed and the block's index alone, and changes no swap: only the way it goes.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.core.identity import Address, hex_bytes, hex_quantity
from bot.core.units import BPS_WHOLE, Bps
from bot.world.accounts import SignedTransaction
from bot.world.json_rpc import Request
from bot.world.mev_share_node import MevShareNode
from bot.world.raw_transaction import RawTransaction
from bot.world.traders import SwapIntent
from bot.world.transaction_checks import Account

Send = Callable[[Request, Address], Awaitable[dict[str, Any]]]
"""(request, signer): the relay's answer, as over its socket."""

PREFERENCES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (25, ("calldata", "logs")),
    (25, ("logs",)),
    (30, ("hash", "default_logs")),
    (10, ("function_selector",)),
    (10, ("hash",)),
)
"""(weight, hints): what those who hide a swap let be known of it."""


class PrivateFlow:
    """`share`: of the swaps that are their trader's first in the block. A later one waits for a nonce before it: it
    could not stand in a bundle, and stays public.
    """

    def __init__(self, seed: int, share: Bps, node: MevShareNode, send: Send) -> None:
        self._seed = seed
        self._share = share
        self._node = node
        self._send = send

    def open_block(self) -> None:
        self._node.open_block()

    def close_block(self) -> None:
        self._node.close_block()

    def hidden(
        self,
        block_index: int,
        signed: list[SignedTransaction],
        accounts: Mapping[Address, Account],
    ) -> dict[bytes, tuple[str, ...]]:
        """The swaps that go to the node: the hints their senders want, by transaction hash."""
        draw = random.Random(f"private flow {self._seed} {block_index}")  # noqa: S311  # a seeded market
        chosen: dict[bytes, tuple[str, ...]] = {}
        for one in signed:
            if not isinstance(one.intent, SwapIntent):
                continue
            is_hidden, hints = draw.randrange(BPS_WHOLE) < self._share, _preference(draw)
            if is_hidden and one.nonce == accounts[one.sender].nonce:
                chosen[one.hash] = hints
        return chosen

    async def send(self, tx: RawTransaction, hints: tuple[str, ...], for_block: int) -> None:
        """Hand a swap over for one block after another, 25 in all. A refusal would be a defect of the market."""
        options = {
            "tx": hex_bytes(tx.raw),
            "maxBlockNumber": hex_quantity(for_block + 24),
            "preferences": {"privacy": {"hints": list(hints)}},
        }
        answer = await self._send(Request("eth_sendPrivateTransaction", 1, [options]), tx.sender)
        if "error" in answer:
            raise RuntimeError(f"the MEV-Share node refused {hex_bytes(tx.hash)}: {answer['error']}")


def _preference(draw: random.Random) -> tuple[str, ...]:
    weights = [weight for weight, _ in PREFERENCES]
    [(_, hints)] = draw.choices(PREFERENCES, weights)
    return hints
