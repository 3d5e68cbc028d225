"""The traders: seeded people whose swaps open the price gaps of the local market.

What they intend follows from the seed and the block's index alone, not from the chain: out of lockstep, and
whatever anybody else does, the same seed intends the same swaps. Each pool has an imaginary twin that only they
trade on; the further its price is off, the likelier the next swap brings it back, so real pools do not drift away.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import msgspec
from eth_abi.abi import encode

from bot.core.identity import Address, keccak
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, TokenUnits, Wei, WeiPerGas
from bot.world.accounts import TRADER_DESK, SignedTransaction, trader_accounts
from bot.world.market_plan import MarketPlan, PairPlan, PoolPlan
from bot.world.old_transactions import CURRENT_TYPE, OldTypes, sign_old

_SWAPS_PER_BLOCK = (3, 8)
_MEDIAN_SIZE, _SIZE_SPREAD = 0.009, 0.8
_SMALLEST, _LARGEST = 0.001, 0.03
"""Of the pool's first reserve of what goes in."""
_WHALE_CHANCE, _WHALE_FACTOR = 0.04, 2.0
_PULL = 60.0
"""Log-odds of trading back for each unit of log price the imaginary twin is off."""
_SLIPPAGE = (0.015, 0.08)
_TIP_MEDIAN_GWEI, _TIP_SPREAD = 1.0, 0.7
_GWEI = 10**9
_MILLION = 1_000_000

_PAIR_SWAP_GAS = 220_000
_POOL_SWAP_GAS = 450_000
_SWAP_PAIR = keccak(b"swap_pair(address,address,bool,uint256,uint256,uint256)")[:4]
_SWAP_POOL = keccak(b"swap_pool(address,address,bool,uint256,uint256)")[:4]


class SwapIntent(msgspec.Struct, frozen=True):
    """What one trader wants of one pool in one block."""

    block_index: int
    trader: int
    """Index into `Traders.accounts`."""
    pool: Address
    venue: str
    zero_for_one: bool
    token_in: Address
    amount_in: TokenUnits
    min_out: TokenUnits
    """The swap reverts below this: some do, as in life."""
    tip: WeiPerGas
    calldata: bytes
    """For the traders' desk."""


class Traders:
    """All traders of a market. `old_types` says which swaps are signed as type 0 or 1; None none."""

    def __init__(self, plan: MarketPlan, chain_id: int, old_types: OldTypes | None = None) -> None:
        self._plan = plan
        self._old_types = old_types
        self._chain_id = chain_id
        self.accounts = trader_accounts(plan.seed)
        self._displacement = [0.0] * len(plan.pools)
        self._pools = plan.pools
        self._intended: list[Sequence[SwapIntent]] = []

    def intended_swaps(self, block_index: int) -> Sequence[SwapIntent]:
        """What the traders want in the block with this index, 0 being the first after the genesis."""
        while len(self._intended) <= block_index:
            self._intended.append(tuple(self._next_block(len(self._intended))))
        return self._intended[block_index]

    def signed_transactions(
        self, block_index: int, base_fee: WeiPerGas, nonces: Mapping[Address, int]
    ) -> list[SignedTransaction]:
        """The intents as raw transactions. `nonces`: each trader's next one; `base_fee` only sets the fee cap."""
        next_nonces = dict(nonces)
        signed: list[SignedTransaction] = []
        for place, intent in enumerate(self.intended_swaps(block_index)):
            account = self.accounts[intent.trader]
            nonce = next_nonces[account.address]
            next_nonces[account.address] = nonce + 1
            fields = self._fields(intent, base_fee, nonce)
            kind = CURRENT_TYPE if self._old_types is None else self._old_types.type_of(block_index, place)
            raw, tx_hash = account.sign(fields) if kind == CURRENT_TYPE else sign_old(account, fields, kind)
            signed.append(SignedTransaction(raw, tx_hash, account.address, nonce, intent))
        return signed

    def _fields(self, intent: SwapIntent, base_fee: WeiPerGas, nonce: int) -> TransactionFields:
        is_pair = intent.calldata[:4] == _SWAP_PAIR
        return TransactionFields(
            chain_id=self._chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=intent.tip,
            max_fee_per_gas=WeiPerGas(2 * base_fee + intent.tip),
            gas_limit=Gas(_PAIR_SWAP_GAS if is_pair else _POOL_SWAP_GAS),
            to=TRADER_DESK,
            value=Wei(0),
            data=intent.calldata,
        )

    def _next_block(self, block_index: int) -> list[SwapIntent]:
        draw = random.Random(f"traders {self._plan.seed} {block_index}")  # noqa: S311  # a seeded market
        count = min(draw.randint(*_SWAPS_PER_BLOCK), len(self._pools))
        chosen = draw.sample(range(len(self._pools)), count)
        return [self._intend(draw, block_index, index) for index in chosen]

    def _intend(self, draw: random.Random, block_index: int, index: int) -> SwapIntent:
        size = min(max(_MEDIAN_SIZE * math.exp(draw.gauss(0.0, _SIZE_SPREAD)), _SMALLEST), _LARGEST)
        if draw.random() < _WHALE_CHANCE:
            size *= _WHALE_FACTOR
        # Selling token0 lowers its price, by about twice the size in log terms.
        zero_for_one = draw.random() < 1 / (1 + math.exp(-_PULL * self._displacement[index]))
        self._displacement[index] += -2 * size if zero_for_one else 2 * size
        pool = self._pools[index]
        token_in = (pool.token0 if zero_for_one else pool.token1).token.address
        amount_in = TokenUnits(int((pool.reserve0 if zero_for_one else pool.reserve1) * size))
        min_out = TokenUnits(
            int(_expected_out(pool, zero_for_one, amount_in) * (1 - draw.uniform(*_SLIPPAGE)))
        )
        tip = int(draw.lognormvariate(math.log(_TIP_MEDIAN_GWEI), _TIP_SPREAD) * _GWEI)
        return SwapIntent(
            block_index=block_index,
            trader=draw.randrange(len(self.accounts)),
            pool=pool.address,
            venue=pool.venue.name,
            zero_for_one=zero_for_one,
            token_in=token_in,
            amount_in=amount_in,
            min_out=min_out,
            tip=WeiPerGas(tip),
            calldata=_calldata(pool, token_in, zero_for_one, amount_in, min_out),
        )


def _expected_out(pool: PairPlan | PoolPlan, zero_for_one: bool, amount_in: int) -> int:
    """What the swap would bring on the pool as it was opened; V3 taken as a pair of its depth."""
    reserves = (pool.reserve0, pool.reserve1)
    reserve_in, reserve_out = reserves if zero_for_one else reserves[::-1]
    paid = amount_in * (_MILLION - pool.fee_ppm)
    return paid * reserve_out // (reserve_in * _MILLION + paid)


def _calldata(
    pool: PairPlan | PoolPlan, token_in: Address, zero_for_one: bool, amount_in: int, min_out: int
) -> bytes:
    if isinstance(pool, PairPlan):
        values = (pool.address, token_in, zero_for_one, amount_in, pool.venue.fee_numerator, min_out)
        return _SWAP_PAIR + encode(["address", "address", "bool", "uint256", "uint256", "uint256"], values)
    swap = (pool.address, token_in, zero_for_one, amount_in, min_out)
    return _SWAP_POOL + encode(["address", "address", "bool", "uint256", "uint256"], swap)
