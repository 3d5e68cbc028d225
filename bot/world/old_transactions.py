"""Some of the traders' swaps in the clothes of older transaction types; off unless asked for.

Which, follows from the seed and the block's index alone. The swap is the same, its fee is not: a gas price of the
base fee, a quarter more of it, and the tip.
"""

from __future__ import annotations

import random

from eth_account import Account

from bot.core.identity import TxHash, keccak, to_checksum
from bot.core.transaction import TransactionFields
from bot.core.units import BPS_WHOLE, Bps
from bot.world.accounts import ThrowawayAccount

CURRENT_TYPE = 2


class OldTypes:
    """`share`: part of the swaps that are signed as type 0 or 1, half of them each."""

    def __init__(self, seed: int, share: Bps) -> None:
        self._seed = seed
        self._share = share

    def type_of(self, block_index: int, place: int) -> int:
        """0, 1 or 2, for the swap at this place among its block's."""
        if not self._share:
            return CURRENT_TYPE
        draw = random.Random(f"old types {self._seed} {block_index} {place}")  # noqa: S311  # a seeded market
        return draw.randrange(2) if draw.randrange(BPS_WHOLE) < self._share else CURRENT_TYPE


def sign_old(account: ThrowawayAccount, fields: TransactionFields, kind: int) -> tuple[bytes, TxHash]:
    """Raw transaction of type 0 (with its chain, EIP-155) or 1 (with the contract in its access list), and its hash."""
    tip = fields.max_priority_fee_per_gas
    base_fee = (fields.max_fee_per_gas - tip) // 2
    unsigned = {
        "chainId": fields.chain_id,
        "nonce": fields.nonce,
        "gasPrice": base_fee + base_fee // 4 + tip,
        "gas": fields.gas_limit,
        "to": to_checksum(fields.to),
        "value": fields.value,
        "data": fields.data,
    }
    if kind == 1:
        unsigned |= {"type": 1, "accessList": [{"address": to_checksum(fields.to), "storageKeys": []}]}
    raw = bytes(Account.sign_transaction(unsigned, account.private_key).raw_transaction)
    return raw, TxHash(keccak(raw))
