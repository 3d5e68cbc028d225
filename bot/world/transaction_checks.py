"""What a node checks before it lets a transaction in: first without state, then against the sender's account.

The order and the words are geth's (core/txpool/validation.go), so that a client that reads them finds what it knows.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bot.core.identity import Address, to_checksum
from bot.core.units import Wei
from bot.costs.gas_schedule import GasSchedule
from bot.world.anvil import Anvil
from bot.world.json_rpc import refused
from bot.world.raw_transaction import RawTransaction

_CREATION_GAS = 32_000
_LARGEST_INITCODE = 49_152
"""EIP-3860."""


class Account(msgspec.Struct, frozen=True):
    """An account as one block left it."""

    nonce: int
    balance: Wei


def check_without_state(
    tx: RawTransaction, chain_id: int, schedule: GasSchedule, block_gas_limit: int
) -> None:
    """Raises RpcError with the numbers that do not fit."""
    if tx.chain_id is not None and tx.chain_id != chain_id:
        raise refused(f"invalid chain id for signer: have {tx.chain_id} want {chain_id}")
    if tx.max_fee_per_gas <= 0:
        raise refused("transaction underpriced: max fee per gas is 0")
    if tx.max_priority_fee_per_gas > tx.max_fee_per_gas:
        raise refused(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {tx.max_priority_fee_per_gas}, maxFeePerGas: {tx.max_fee_per_gas}"
        )
    if tx.gas_limit > block_gas_limit:
        raise refused(f"exceeds block gas limit: {tx.gas_limit} > {block_gas_limit}")
    if tx.gas_limit > schedule.transaction_cap:
        raise refused(f"transaction gas limit too high (cap: {schedule.transaction_cap}, tx: {tx.gas_limit})")
    if tx.to is None and len(tx.data) > _LARGEST_INITCODE:
        raise refused(f"max initcode size exceeded: code size {len(tx.data)}, limit {_LARGEST_INITCODE}")
    _check_intrinsic_gas(tx, schedule)


def _check_intrinsic_gas(tx: RawTransaction, schedule: GasSchedule) -> None:
    creation = 0
    if tx.to is None:
        creation = _CREATION_GAS + 2 * (-(-len(tx.data) // 32))
    needed = schedule.intrinsic(tx.data, tx.access_list) + creation
    if tx.gas_limit < needed:
        raise refused(f"intrinsic gas too low: gas {tx.gas_limit}, minimum needed {needed}")
    floor = schedule.floor(tx.data)
    if tx.gas_limit < floor:
        raise refused(f"insufficient gas for floor data gas cost: gas {tx.gas_limit}, minimum needed {floor}")


def check_against_account(tx: RawTransaction, account: Account) -> None:
    """The nonce may be ahead, never behind; the balance must cover the worst case. Raises RpcError."""
    if tx.nonce < account.nonce:
        raise refused(f"nonce too low: next nonce {account.nonce}, tx nonce {tx.nonce}")
    if account.balance < tx.upfront_cost:
        raise refused(
            "insufficient funds for gas * price + value: "
            f"address {to_checksum(tx.sender)} have {account.balance} want {tx.upfront_cost}"
        )


async def read_accounts(anvil: Anvil, addresses: Iterable[Address]) -> dict[Address, Account]:
    """Nonce and balance of each at the head. Raises AnvilError."""
    wanted = sorted(set(addresses))
    calls: list[tuple[str, list[str]]] = []
    for address in wanted:
        calls += [
            ("eth_getTransactionCount", [to_checksum(address), "latest"]),
            ("eth_getBalance", [to_checksum(address), "latest"]),
        ]
    answers = await anvil.rpc_batch(calls) if calls else []
    return {
        address: Account(int(answers[2 * i], 16), Wei(int(answers[2 * i + 1], 16)))
        for i, address in enumerate(wanted)
    }
