"""A market of V2 and V3 pools in line with fair prices, whose blocks are logs: some pools are moved off, others that
were moved before are traded back.
"""

import random
from bisect import bisect_right

from bot.core.identity import Address, BlockHash, BlockRef, TxHash, keccak
from bot.core.messages import BlockArrived, Head, Log
from bot.core.units import Gas, Nanoseconds, WeiPerGas
from bot.protocols.uniswap_v2 import SYNC_TOPIC
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import tick_at_sqrt_price
from bot.state.market_state import MarketState
from bot.state.pool_table import PoolTable, V2Pool, V3Pool

ETHER = 10**18
SWAP_TOPIC = keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)")
BASE = Address(b"\x80" * 20)
VENUES = (("uniswap-v2", 997), ("sushiswap-v2", 997), ("pancakeswap-v1", 998))
TIERS = ((500, 10), (3000, 60))
SHOCK = 0.004
"""A moved pool's price changes by up to twice this: some cycles pay, most do not."""
REST = 0.0003
"""What trading back leaves of it: less than the fees, so a pool at rest pays nothing by itself."""
GENESIS = BlockRef(1, BlockHash(b"\x01" * 32))


def word(number: int) -> bytes:
    return (number % (1 << 256)).to_bytes(32, "big")


class SyntheticPools:
    """Of `pools`, a third V3; three of five hold base, the rest join hub tokens to each other and to others."""

    def __init__(self, pools: int, tokens: int, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311  # a market, not a key
        self.table = PoolTable()
        self._prices = [1.0, *(10 ** self.draw.uniform(-3, 3) for _ in range(tokens))]
        self._fair: list[tuple[int, int] | ConcentratedPool] = []
        hubs = max(2, tokens // 50)
        for number in range(pools):
            self._add(number, *self._couple(number, pools, tokens, hubs))
        self.state = MarketState(self.table, (), GENESIS)
        self._moved: list[int] = []

    def _couple(self, number: int, pools: int, tokens: int, hubs: int) -> tuple[int, int]:
        if number < pools * 3 // 5:
            return 0, 1 + (number // 8 if number < 8 * hubs else hubs + number % (tokens - hubs))
        one = 1 + self.draw.randrange(hubs)
        other = 1 + (self.draw.randrange(hubs) if self.draw.random() < 0.3 else self.draw.randrange(tokens))
        return one, other if other != one else one % hubs + 1

    def _address(self, token: int) -> Address:
        return BASE if token == 0 else Address(bytes([64 + 128 * (token % 2)]) + token.to_bytes(19, "big"))

    def _add(self, number: int, one: int, other: int) -> None:
        if self._address(other) < self._address(one):
            one, other = other, one
        token0, token1 = self._address(one), self._address(other)
        depth = self.draw.randint(5 * ETHER, 500 * ETHER)
        amounts = int(depth / self._prices[one]), int(depth / self._prices[other])
        address = Address(number.to_bytes(20, "big"))
        if number % 3:
            venue, numerator = VENUES[number % len(VENUES)]
            self.table.add(V2Pool(address, venue, token0, token1, numerator, 1000), *amounts)
            self._fair.append(amounts)
            return
        fee, spacing = TIERS[number % 2]
        pools = [self._ranges(amounts, fee, spacing, random.Random(number)) for _ in range(2)]  # noqa: S311  # as above
        self.table.add_concentrated(V3Pool(address, "uniswap-v3", token0, token1, fee, spacing), pools[0])
        self._fair.append(pools[1])

    def _ranges(
        self, amounts: tuple[int, int], fee: int, spacing: int, draw: random.Random
    ) -> ConcentratedPool:
        """Five to fifteen positions around the price, ten to thirty ranges."""
        root = int((amounts[1] / amounts[0]) ** 0.5 * 2**96)
        here, whole = tick_at_sqrt_price(root), int((amounts[0] * amounts[1]) ** 0.5)
        net: dict[int, int] = {}
        gross: dict[int, int] = {}
        for place in range(draw.randint(5, 15)):
            middle = here // spacing
            width = 1 + draw.randint(1, 8) * 120 // spacing * (8 if place == 0 else 1)
            for tick, sign in (
                ((middle - width) * spacing, 1),
                ((middle + 1 + draw.randint(1, width)) * spacing, -1),
            ):
                net[tick] = net.get(tick, 0) + sign * whole
                gross[tick] = gross.get(tick, 0) + whole
        ticks = {tick: TickLiquidity(gross[tick], net[tick]) for tick in net}
        active = sum(amount for tick, amount in net.items() if tick <= here)
        return ConcentratedPool(fee, spacing, root, here, active, ticks)

    def next_block(self, count: int) -> BlockArrived:
        """One log of each of `count` pools: half of them moved off, half (once so many are) traded back, oldest first.

        So as many pools stand off their fair price as a block touches.
        """
        back = self._moved[: max(0, len(self._moved) - count // 2)]
        rest = sorted(set(range(len(self.table))) - set(self._moved))
        moved = self.draw.sample(rest, count - len(back))
        logs = [
            self._log(index, self.draw.uniform(-size, size), at)
            for at, (index, size) in enumerate(
                [*((index, REST) for index in back), *((index, SHOCK) for index in moved)]
            )
        ]
        self._moved = [*self._moved[len(back) :], *moved]
        number = self.state.ref.number + 1
        head = Head(
            number, BlockHash(number.to_bytes(32, "big")), self.state.ref.hash, number * 12, WeiPerGas(10**9),
            Gas(15_000_000), Gas(30_000_000), Address(bytes(20)),
        )  # fmt: skip
        return BlockArrived(head, tuple(logs), Nanoseconds(0), is_catch_up=False)

    def _log(self, index: int, tilt: float, place: int) -> Log:
        fair, address = self._fair[index], self.table.pools[index].address
        if isinstance(fair, tuple):
            data = word(int(fair[0] * (1 + tilt))) + word(int(fair[1] / (1 + tilt)))
            return Log(address, (SYNC_TOPIC,), data, place, TxHash(bytes(32)))
        root = int(fair.sqrt_price / (1 + tilt))
        tick = tick_at_sqrt_price(root)
        liquidity = fair.range_liquidity[bisect_right(fair.bounds, tick)]
        data = word(1) + word(-1) + word(root) + word(liquidity) + word(tick)
        return Log(address, (SWAP_TOPIC, bytes(32), bytes(32)), data, place, TxHash(bytes(32)))
