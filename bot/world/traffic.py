"""Background transactions: they use gas, so that blocks hover around the gas target and the base fee lives.

The amount for a block follows the parent's base fee: above the usual price less is used, below it more, with
seeded noise. Left alone the base fee would fall by an eighth a block to nothing.
"""

from __future__ import annotations

import math
import random

from bot.core.identity import Address, keccak
from bot.core.messages import Head
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, Wei, WeiPerGas
from bot.world.accounts import GAS_BURNER, SignedTransaction, ThrowawayAccount, traffic_account

BURNER_CODE = bytes.fromhex("5f5f355200")
"""PUSH0, PUSH0 CALLDATALOAD, MSTORE, STOP: touches memory at the offset the calldata names.

Memory costs gas by the square of its size and next to no time, so one short call can use millions.
"""

_INTRINSIC_GAS = 21_000
_FLOOR_GAS_PER_BYTE = 40
"""EIP-7623: what a non-zero byte of calldata costs a transaction that does nothing else."""
_BURN_AT_MOST = 12_000_000
"""EIP-7825 caps a transaction at 2**24 gas."""
_BURN_MARGIN = 2_000
_REVERSION = 0.2
"""Part of the target by which use rises for each factor e the base fee is under the usual one."""
_NOISE = 0.45
_FULLEST, _EMPTIEST = 1.7, 0.1
"""In gas targets; 2 would be a full block and leave no room for anybody else."""
_GWEI = 10**9


class Traffic:
    """The background of a market. `signed_transactions` is a function of its arguments and the seed."""

    def __init__(self, seed: int, chain_id: int, usual_base_fee: WeiPerGas) -> None:
        self._seed = seed
        self._chain_id = chain_id
        self._usual_base_fee = usual_base_fee
        self.account: ThrowawayAccount = traffic_account(seed)

    def signed_transactions(self, block_index: int, parent: Head, nonce: int) -> list[SignedTransaction]:
        """Transactions for the block after `parent`; `nonce` is the account's next one."""
        draw = random.Random(f"traffic {self._seed} {block_index}")  # noqa: S311  # a seeded market
        budget = int(self._share_of_target(draw, parent) * (parent.gas_limit // 2))
        payloads = [_transfer(draw) for _ in range(draw.randint(1, 3))]
        payloads += [_posting(draw) for _ in range(draw.randint(1, 2))]
        budget -= sum(gas for _, _, gas in payloads)
        while budget > 2 * _INTRINSIC_GAS:
            burn = min(budget, _BURN_AT_MOST)
            payloads.append((GAS_BURNER, _burning(burn), burn + _BURN_MARGIN))
            budget -= burn
        return [self._sign(draw, parent, nonce + offset, payload) for offset, payload in enumerate(payloads)]

    def _share_of_target(self, draw: random.Random, parent: Head) -> float:
        target = parent.gas_limit / 2
        expected = parent.base_fee * (1 + (parent.gas_used - target) / target / 8)
        pull = _REVERSION * math.log(self._usual_base_fee / max(expected, 1.0))
        return min(max(1.0 + pull + draw.gauss(0.0, _NOISE), _EMPTIEST), _FULLEST)

    def _sign(
        self, draw: random.Random, parent: Head, nonce: int, payload: tuple[Address, bytes, int]
    ) -> SignedTransaction:
        to, data, gas = payload
        tip = int(draw.lognormvariate(math.log(0.3), 0.8) * _GWEI)
        fields = TransactionFields(
            chain_id=self._chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=WeiPerGas(tip),
            max_fee_per_gas=WeiPerGas(3 * parent.base_fee + tip),
            gas_limit=Gas(gas),
            to=to,
            value=Wei(0),
            data=data,
        )
        raw, tx_hash = self.account.sign(fields)
        return SignedTransaction(raw, tx_hash, self.account.address, nonce)


def _transfer(draw: random.Random) -> tuple[Address, bytes, int]:
    """To one of 256 strangers, carrying nothing."""
    return _stranger(draw), b"", _INTRINSIC_GAS


def _posting(draw: random.Random) -> tuple[Address, bytes, int]:
    """A few hundred bytes that are only posted, none of them zero."""
    size = draw.randint(100, 600)
    data = bytes(draw.choices(range(1, 256), k=size))
    return _stranger(draw), data, _INTRINSIC_GAS + _FLOOR_GAS_PER_BYTE * size


def _stranger(draw: random.Random) -> Address:
    return Address(keccak(b"stranger %d" % draw.randrange(256))[12:])


def _burning(gas: int) -> bytes:
    """Calldata for the burner that uses about `gas`: words w with 3 w + w*w/512 = gas (Yellow Paper, appendix G)."""
    words = int((math.sqrt(9 + (gas - _INTRINSIC_GAS) / 128) - 3) * 256)
    return (32 * (words - 1)).to_bytes(32, "big")
