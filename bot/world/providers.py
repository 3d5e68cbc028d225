"""The liquidity providers: seeded people who add ranges to the V3 pools, take them out again and collect.

As with the traders, what they intend follows from the seed and the block's index alone, not from the chain. A range is
touched again by the provider who opened it, whose nonces keep the order, so what they intend can be done.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from eth_abi.abi import encode

from bot.core.identity import Address, keccak
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, Wei, WeiPerGas
from bot.world.accounts import LIQUIDITY_DESK, SignedTransaction, provider_accounts
from bot.world.market_plan import MarketPlan, PoolPlan
from bot.world.venues import V3_TICK_SPACINGS

_ACTION_CHANCE = 0.36
"""Of something being done in a block."""
_FEWEST_RANGES = 3
"""With no more than these open, the next action opens one."""
_MOST_RANGES = 40
_ADD_CHANCE, _REMOVE_CHANCE = 0.4, 0.4
"""Otherwise fees are collected."""
_WHOLE_CHANCE = 0.6
"""Of all being taken out, rather than half: the range is then collected and forgotten."""
_CENTER_SPREAD = 250.0
_WIDTH_MEDIAN, _WIDTH_SPREAD = 400.0, 0.9
"""Ticks."""
_PART_MEDIAN, _PART_SPREAD, _LARGEST_PART = 0.25, 0.6, 1.0
"""Liquidity in parts of what the pool was opened with, taken as a pair of its depth."""
_TIP_MEDIAN_GWEI, _TIP_SPREAD = 1.0, 0.7
_GWEI = 10**9
_GAS = Gas(600_000)
_MAX_TICK = 887_272

_RANGE = ["address", "int24", "int24"]
_ADD = keccak(b"add(address,int24,int24,uint128)")[:4]
_REMOVE = keccak(b"remove(address,int24,int24,uint128)")[:4]
_COLLECT = keccak(b"collect(address,int24,int24)")[:4]

Action = Literal["add", "remove", "collect"]


class LiquidityIntent(msgspec.Struct, frozen=True):
    """What one provider wants of one range in one block."""

    block_index: int
    provider: int
    """Index into `Providers.accounts`."""
    action: Action
    pool: Address
    tick_lower: int
    tick_upper: int
    liquidity: int
    """Added or removed; 0 where fees are collected."""
    tip: WeiPerGas
    calldata: bytes
    """For the providers' desk."""


class _OpenRange(msgspec.Struct):
    provider: int
    pool: Address
    tick_lower: int
    tick_upper: int
    liquidity: int
    """0: taken out, and still to be collected."""


class Providers:
    """All liquidity providers of a market; without a V3 pool they intend nothing."""

    def __init__(self, plan: MarketPlan, chain_id: int) -> None:
        self._seed = plan.seed
        self._pools = plan.concentrated
        self._chain_id = chain_id
        self.accounts = provider_accounts(plan.seed)
        self._ranges: list[_OpenRange] = []
        self._intended: list[Sequence[LiquidityIntent]] = []

    def intended(self, block_index: int) -> Sequence[LiquidityIntent]:
        """What they want in the block with this index, 0 being the first after the genesis."""
        while len(self._intended) <= block_index:
            self._intended.append(self._next_block(len(self._intended)))
        return self._intended[block_index]

    def signed_transactions(
        self, block_index: int, base_fee: WeiPerGas, nonces: Mapping[Address, int]
    ) -> list[SignedTransaction]:
        """The intents as raw transactions. `nonces`: each provider's next one; `base_fee` only sets the fee cap."""
        next_nonces = dict(nonces)
        signed: list[SignedTransaction] = []
        for intent in self.intended(block_index):
            account = self.accounts[intent.provider]
            nonce = next_nonces[account.address]
            next_nonces[account.address] = nonce + 1
            raw, tx_hash = account.sign(self._fields(intent, base_fee, nonce))
            signed.append(SignedTransaction(raw, tx_hash, account.address, nonce, intent))
        return signed

    def _fields(self, intent: LiquidityIntent, base_fee: WeiPerGas, nonce: int) -> TransactionFields:
        return TransactionFields(
            chain_id=self._chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=intent.tip,
            max_fee_per_gas=WeiPerGas(2 * base_fee + intent.tip),
            gas_limit=_GAS,
            to=LIQUIDITY_DESK,
            value=Wei(0),
            data=intent.calldata,
        )

    def _next_block(self, block_index: int) -> Sequence[LiquidityIntent]:
        draw = random.Random(f"providers {self._seed} {block_index}")  # noqa: S311  # a seeded market
        if not self._pools or draw.random() >= _ACTION_CHANCE:
            return ()
        what = draw.random()
        if len(self._ranges) <= _FEWEST_RANGES or (what < _ADD_CHANCE and len(self._ranges) < _MOST_RANGES):
            return (self._add(draw, block_index),)
        chosen = self._ranges[draw.randrange(len(self._ranges))]
        if chosen.liquidity and what < _ADD_CHANCE + _REMOVE_CHANCE:
            return (self._remove(draw, block_index, chosen),)
        if not chosen.liquidity:
            self._ranges.remove(chosen)
        return (_intent(draw, block_index, chosen, "collect", 0),)

    def _add(self, draw: random.Random, block_index: int) -> LiquidityIntent:
        pool = draw.choice(self._pools)
        part = min(_PART_MEDIAN * math.exp(draw.gauss(0.0, _PART_SPREAD)), _LARGEST_PART)
        liquidity = int(math.isqrt(pool.reserve0 * pool.reserve1) * part)
        opened = _OpenRange(draw.randrange(len(self.accounts)), pool.address, *_ticks(draw, pool), liquidity)
        self._ranges.append(opened)
        return _intent(draw, block_index, opened, "add", liquidity)

    def _remove(self, draw: random.Random, block_index: int, chosen: _OpenRange) -> LiquidityIntent:
        removed = chosen.liquidity if draw.random() < _WHOLE_CHANCE else chosen.liquidity // 2
        chosen.liquidity -= removed
        return _intent(draw, block_index, chosen, "remove", removed)


def _ticks(draw: random.Random, pool: PoolPlan) -> tuple[int, int]:
    """A range about where the pool was opened, often with the price in it."""
    spacing = V3_TICK_SPACINGS[pool.fee]
    center = pool.tick + draw.gauss(0.0, _CENTER_SPREAD)
    half = _WIDTH_MEDIAN * math.exp(draw.gauss(0.0, _WIDTH_SPREAD)) / 2
    lower = math.floor((center - half) / spacing) * spacing
    upper = max(math.ceil((center + half) / spacing) * spacing, lower + spacing)
    widest = _MAX_TICK // spacing * spacing
    return max(lower, -widest), min(upper, widest)


def _intent(
    draw: random.Random, block_index: int, where: _OpenRange, action: Action, liquidity: int
) -> LiquidityIntent:
    tip = int(draw.lognormvariate(math.log(_TIP_MEDIAN_GWEI), _TIP_SPREAD) * _GWEI)
    return LiquidityIntent(
        block_index=block_index,
        provider=where.provider,
        action=action,
        pool=where.pool,
        tick_lower=where.tick_lower,
        tick_upper=where.tick_upper,
        liquidity=liquidity,
        tip=WeiPerGas(tip),
        calldata=_calldata(where, action, liquidity),
    )


def _calldata(where: _OpenRange, action: Action, liquidity: int) -> bytes:
    values = (where.pool, where.tick_lower, where.tick_upper)
    if action == "collect":
        return _COLLECT + encode(_RANGE, values)
    return (_ADD if action == "add" else _REMOVE) + encode([*_RANGE, "uint128"], (*values, liquidity))
