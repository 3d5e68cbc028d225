"""The public mempool: what anybody sent and no block has taken yet.

It keeps what a real node keeps: transactions whose fee cap is under the base fee, and those behind a nonce gap.
Nothing of the relay's ever comes in here.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from bot.core.identity import Address, TxHash, hex_bytes
from bot.core.units import Wei, WeiPerGas, mul_div_up
from bot.costs.gas_schedule import GasSchedule
from bot.world.json_rpc import refused
from bot.world.raw_transaction import RawTransaction
from bot.world.transaction_checks import Account, check_against_account, check_without_state

REPLACEMENT_BUMP_PERCENT = 110
"""Both fees of a replacement must be at least this part of the old ones (geth's default price bump is 10 %)."""
_MOST_TRANSACTIONS = 20_000
"""Slots of the whole pool; what comes after is refused, nothing is silently dropped."""


class Mempool:
    """Pending public transactions by sender and nonce."""

    def __init__(self, chain_id: int, schedule: GasSchedule, block_gas_limit: int) -> None:
        self._chain_id = chain_id
        self._schedule = schedule
        self._block_gas_limit = block_gas_limit
        self._by_sender: dict[Address, dict[int, RawTransaction]] = {}
        self._by_hash: dict[TxHash, RawTransaction] = {}
        self._listeners: list[Callable[[RawTransaction], None]] = []

    def __len__(self) -> int:
        return len(self._by_hash)

    def on_pending(self, listener: Callable[[RawTransaction], None]) -> None:
        """Call `listener` for every transaction that comes in."""
        self._listeners.append(listener)

    def add(self, tx: RawTransaction, account: Account) -> None:
        """Let a transaction in, `account` being its sender's at the head. Raises RpcError in geth's words."""
        if tx.hash in self._by_hash:
            raise refused("already known")
        check_without_state(tx, self._chain_id, self._schedule, self._block_gas_limit)
        check_against_account(tx, account)
        queue = self._by_sender.setdefault(tx.sender, {})
        old = queue.get(tx.nonce)
        if old is not None:
            _check_replacement(tx, old)
            del self._by_hash[old.hash]
        elif len(self._by_hash) >= _MOST_TRANSACTIONS:
            raise refused(f"txpool is full: {len(self._by_hash)} transactions")
        queue[tx.nonce] = tx
        self._by_hash[tx.hash] = tx
        for listener in self._listeners:
            listener(tx)

    def get(self, tx_hash: TxHash) -> RawTransaction | None:
        return self._by_hash.get(tx_hash)

    def in_order_of_arrival(self) -> tuple[RawTransaction, ...]:
        """All of them; a replacement arrived when it did, not when what it replaced."""
        return tuple(self._by_hash.values())

    def forget(self, tx_hash: TxHash) -> bool:
        """Whether it was here."""
        tx = self._by_hash.pop(tx_hash, None)
        if tx is None:
            return False
        queue = self._by_sender[tx.sender]
        del queue[tx.nonce]
        if not queue:
            del self._by_sender[tx.sender]
        return True

    def senders(self) -> tuple[Address, ...]:
        return tuple(self._by_sender)

    def next_nonce(self, sender: Address, mined: int) -> int:
        """The first nonce from `mined` on that no pending transaction of `sender` holds."""
        queue = self._by_sender.get(sender, {})
        while mined in queue:
            mined += 1
        return mined

    def settle(self, accounts: Mapping[Address, Account]) -> None:
        """Forget what can never be mined any more: nonces that were used. Senders not in `accounts` are left alone."""
        for sender in accounts.keys() & self._by_sender.keys():
            queue = self._by_sender[sender]
            for nonce in [nonce for nonce in queue if nonce < accounts[sender].nonce]:
                del self._by_hash[queue.pop(nonce).hash]
            if not queue:
                del self._by_sender[sender]

    def executable(self, base_fee: WeiPerGas, accounts: Mapping[Address, Account]) -> list[RawTransaction]:
        """In the order a builder takes them: best effective tip first, each sender's nonces in turn.

        Ties go by hash, so that the order follows from the content. A sender stops at its first nonce gap, at a fee
        cap under `base_fee`, and where its balance no longer covers the next worst case. Who sent for the first time
        since `accounts` were read waits for the next block.
        """
        lines = {
            sender: _runnable(self._by_sender[sender], base_fee, accounts[sender])
            for sender in self._by_sender
            if sender in accounts
        }
        heap = [
            (-line[0].effective_tip(base_fee), line[0].hash, sender, 0)
            for sender, line in lines.items()
            if line
        ]
        heapq.heapify(heap)
        ordered: list[RawTransaction] = []
        while heap:
            _, _, sender, index = heapq.heappop(heap)
            line = lines[sender]
            ordered.append(line[index])
            if index + 1 < len(line):
                tx = line[index + 1]
                heapq.heappush(heap, (-tx.effective_tip(base_fee), tx.hash, sender, index + 1))
        return ordered


def _check_replacement(tx: RawTransaction, old: RawTransaction) -> None:
    for name in ("max_fee_per_gas", "max_priority_fee_per_gas"):
        has, had = getattr(tx, name), getattr(old, name)
        needed = mul_div_up(had, REPLACEMENT_BUMP_PERCENT, 100)
        if has < needed:
            raise refused(
                f"replacement transaction underpriced: {name} {has}, at least {needed} "
                f"to replace {hex_bytes(old.hash)}"
            )


def _runnable(
    queue: Mapping[int, RawTransaction], base_fee: WeiPerGas, account: Account
) -> list[RawTransaction]:
    line: list[RawTransaction] = []
    nonce, balance = account.nonce, account.balance
    while (tx := queue.get(nonce)) is not None:
        if tx.max_fee_per_gas < base_fee or tx.upfront_cost > balance:
            break
        line.append(tx)
        balance = Wei(balance - tx.upfront_cost)
        nonce += 1
    return line
