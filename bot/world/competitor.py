"""The market's other searcher: its own key, its own Executor, and bids that sometimes beat the bot's.

In a seeded part of the blocks it reads the reserves of all pairs with WETH, takes the best cycle over two pairs of
the same token, and sends a bundle to the relays as anybody would. What it does for a block follows from the seed,
the block's number and the chain alone; how often and how much it bids, from a law that can be exchanged for another.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

import msgspec

from bot.core.identity import Address, from_hex, hex_bytes, hex_quantity, to_checksum
from bot.core.transaction import TransactionFields
from bot.core.units import BPS_WHOLE, Bps, Gas, TokenUnits, Wei, WeiPerGas, share_down
from bot.protocols.executor import Cycle, Hop, encode_execute
from bot.protocols.multicall3 import Call, decode_aggregate3_result, encode_aggregate3
from bot.protocols.uniswap_v2 import amount_out_down, decode_reserves, reserves_calldata
from bot.world.accounts import ThrowawayAccount
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock
from bot.world.block_story import CompetitorStory
from bot.world.bundle_book import bundle_hash
from bot.world.json_rpc import Request
from bot.world.market_plan import MarketPlan, PairPlan
from bot.world.raw_transaction import decode_raw
from bot.world.relay import Relay
from bot.world.relay_kinds import Endpoint
from bot.world.tokens import WETH
from bot.world.transaction_checks import read_accounts
from bot.world.venues import MULTICALL3

_GAS_LIMIT = Gas(600_000)
_GAS_EXPECTED = Gas(190_000)
"""Of a two-pool cycle with a payment; for deciding whether a cycle is worth sending."""
_EAGER_SHARE = (Bps(9_500), Bps(9_950))
_MODEST_SHARE = (Bps(2_000), Bps(6_000))


class Market(msgspec.Struct, frozen=True):
    """One pair seen from WETH, with its reserves."""

    pair: PairPlan
    weth_is_token0: bool
    weth_reserve: int
    other_reserve: int

    @property
    def fees(self) -> tuple[int, int]:
        return self.pair.venue.fee_numerator, self.pair.venue.fee_denominator


class Catch(msgspec.Struct, frozen=True):
    """A cycle WETH to token at `buy_at`, token to WETH at `sell_at`; exact amounts."""

    buy_at: Market
    sell_at: Market
    amount_in: int
    bought: int
    amount_out: int

    @property
    def profit(self) -> int:
        return self.amount_out - self.amount_in


RivalShare = Callable[[int], Bps | None]
"""Block number -> part of the net profit that is bid for that block; None: nobody bids."""


def usual_shares(seed: int, probability: Bps) -> RivalShare:
    """Bids in that part of the blocks, eagerly or modestly with equal chances."""

    def share(number: int) -> Bps | None:
        draw = random.Random(f"competitor {seed} {number}")  # noqa: S311  # a seeded market
        if draw.randrange(BPS_WHOLE) >= probability:
            return None
        low, high = _EAGER_SHARE if draw.random() < 0.5 else _MODEST_SHARE
        return Bps(draw.randint(low, high))

    return share


class Competitor:
    """`act` is called once for each block about to be built. `endpoints`: where it sends each bundle."""

    def __init__(
        self,
        anvil: Anvil,
        relay: Relay,
        plan: MarketPlan,
        chain_id: int,
        executor: Address,
        rival_share: RivalShare,
        endpoints: Sequence[Endpoint] = ("market",),
    ) -> None:
        self._anvil = anvil
        self._relay = relay
        self._pairs = [pair for pair in plan.pairs if WETH in {pair.token0.token, pair.token1.token}]
        self._chain_id = chain_id
        self._executor = executor
        self._rival_share = rival_share
        self._endpoints = tuple(endpoints)
        self.account = competitor_account(plan.seed)

    async def act(self, block: BuildingBlock) -> CompetitorStory | None:
        """Send a bundle for `block`, if this is one of its blocks and there is something to gain."""
        share = self._rival_share(block.number)
        if share is None:
            return None
        catch = best_catch(await self._read_markets())
        if catch is None:
            return None
        net = catch.profit - _GAS_EXPECTED * block.base_fee
        if net <= 0:
            return None
        bid = Wei(share_down(net, share))
        raw = await self._signed(catch, bid, block)
        params = [{"txs": [hex_bytes(raw)], "blockNumber": hex_quantity(block.number)}]
        for endpoint in self._endpoints:  # in time for every builder: it needs no socket
            request = Request("eth_sendBundle", 1, params)
            await self._relay.handle(
                endpoint, request, self.account.address, arrival=self._relay.arrival(0.0)
            )
        return CompetitorStory(
            bundle_hash=hex_bytes(bundle_hash([decode_raw(raw)])),
            pools=(to_checksum(catch.buy_at.pair.address), to_checksum(catch.sell_at.pair.address)),
            expected_profit_wei=str(catch.profit),
            bid_wei=str(bid),
            bid_share_bps=share,
        )

    async def _read_markets(self) -> list[Market]:
        calls = [Call(pair.address, reserves_calldata(), allow_failure=False) for pair in self._pairs]
        request = {"to": to_checksum(MULTICALL3), "data": hex_bytes(encode_aggregate3(calls))}
        answer = await self._anvil.rpc("eth_call", [request, "latest"])
        results = decode_aggregate3_result(from_hex(answer))
        return [
            _seen_from_weth(pair, *decode_reserves(result.data))
            for pair, result in zip(self._pairs, results, strict=True)
        ]

    async def _signed(self, catch: Catch, bid: Wei, block: BuildingBlock) -> bytes:
        sender = self.account.address
        accounts = await read_accounts(self._anvil, [sender])
        data = encode_execute(
            (cycle_of(catch),), WETH.address, TokenUnits(0), bid, block.number, block.number
        )
        fields = TransactionFields(
            chain_id=self._chain_id,
            nonce=accounts[sender].nonce,
            max_priority_fee_per_gas=WeiPerGas(0),
            max_fee_per_gas=block.base_fee,
            gas_limit=_GAS_LIMIT,
            to=self._executor,
            value=Wei(0),
            data=data,
        )
        return self.account.sign(fields)[0]


def competitor_account(seed: int) -> ThrowawayAccount:
    return ThrowawayAccount(seed, "competitor")


def _seen_from_weth(pair: PairPlan, reserve0: int, reserve1: int) -> Market:
    if pair.token0.token == WETH:
        return Market(pair, True, reserve0, reserve1)
    return Market(pair, False, reserve1, reserve0)


def cycle_of(catch: Catch) -> Cycle:
    """The catch as the Executor takes it."""
    return Cycle(
        amount_in=TokenUnits(catch.amount_in),
        hops=(
            Hop(catch.buy_at.pair.address, catch.buy_at.weth_is_token0, TokenUnits(catch.bought)),
            Hop(catch.sell_at.pair.address, not catch.sell_at.weth_is_token0, TokenUnits(catch.amount_out)),
        ),
    )


def best_catch(markets: Sequence[Market]) -> Catch | None:
    """The most profitable cycle over two pairs of one token, before costs; None where none gains."""
    by_token: dict[Address, list[Market]] = {}
    for market in markets:
        other = market.pair.token1 if market.weth_is_token0 else market.pair.token0
        by_token.setdefault(other.token.address, []).append(market)
    catches = [
        catch
        for of_token in by_token.values()
        for buy_at, sell_at in itertools.permutations(of_token, 2)
        if (catch := catch_between(buy_at, sell_at)) is not None
    ]
    return max(catches, key=lambda catch: (catch.profit, catch.buy_at.pair.address), default=None)


def catch_between(buy_at: Market, sell_at: Market) -> Catch | None:
    """The best input of this cycle, in closed form, and its exact amounts.

    Two constant-product swaps in a row are out(x) = K x / (L + M x), and out(x) - x is greatest at
    x = (sqrt(K L) - L) / M.
    """
    (num_a, den_a), (num_b, den_b) = buy_at.fees, sell_at.fees
    k = num_a * num_b * buy_at.other_reserve * sell_at.weth_reserve
    length = den_a * den_b * buy_at.weth_reserve * sell_at.other_reserve
    m = num_a * (den_b * sell_at.other_reserve + num_b * buy_at.other_reserve)
    if k <= length or m == 0:
        return None
    amount_in = (math.isqrt(k * length) - length) // m
    bought = amount_out_down(amount_in, buy_at.weth_reserve, buy_at.other_reserve, *buy_at.fees)
    amount_out = amount_out_down(bought, sell_at.other_reserve, sell_at.weth_reserve, *sell_at.fees)
    if amount_in <= 0 or bought <= 0 or amount_out <= amount_in:
        return None
    return Catch(buy_at, sell_at, amount_in, bought, amount_out)
