"""Real V2 pairs and V3 pools between four tokens, each generous in one direction: every mix of hops can gain.

All tokens are worth the same. Between two tokens there are, for each protocol, two pools: one that gives some percent
too much for the first, one that gives too much for the second; so a cycle and its reverse both gain, on pools of
their own.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from executor_chain import Chain, call_data
from executor_stage import ETHER, UNISWAP_KEEPS, Cycle, Hop, amount_out, market_code, shipped_code

DEPTH = 1_000 * ETHER
BONUS_PERCENT = 4
V2, V3 = "v2", "v3"
FEES = (500, 3000)
NARROW_FEE = 10_000
SPACING = {500: 10, 3000: 60}
FULL_RANGE = {fee: 887_272 // spacing * spacing for fee, spacing in SPACING.items()}
NFPM_MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
QUOTE_IN = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
QUOTE_OUT = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))"
QUOTED = "uint256,uint160,uint32,uint256"


@dataclass(frozen=True)
class Pool:
    """Generous to whoever brings `token_in`."""

    protocol: str
    address: str
    token_in: str
    token_out: str
    fee: int

    @property
    def zero_for_one(self) -> bool:
        return int(self.token_in, 16) < int(self.token_out, 16)


@dataclass
class MixedMarket:
    chain: Chain
    deployer: str
    weth: str
    tokens: list[str]
    """Three beside WETH."""
    quoter: str
    positions: str
    v2_factories: list[str]
    v3_factory: str
    pools: dict[tuple[str, str, str], Pool] = field(default_factory=dict)
    """By protocol, token in, token out."""

    def path(self, protocols: Sequence[str], *, reverse: bool = False) -> list[Pool]:
        """The pools of WETH -> token -> ... -> WETH, one per protocol named.

        The reverse runs through the same tokens the other way round; with one token alone, through another one, which
        lies on the other side of WETH.
        """
        between = self.tokens[: len(protocols) - 1] if len(protocols) > 2 or not reverse else self.tokens[2:]
        stops = [self.weth, *(between[::-1] if reverse else between), self.weth]
        return [
            self.pools[protocol, *step]
            for protocol, step in zip(protocols, itertools.pairwise(stops), strict=True)
        ]

    def narrow_pool(self, token_in: str, token_out: str) -> Pool:
        """A new V3 pool at par whose liquidity, of about one token either way, ends half a percent off."""
        token0, token1 = sorted((token_in, token_out), key=lambda token: int(token, 16))
        self.chain.send(
            self.deployer,
            self.v3_factory,
            call_data("createPool(address,address,uint24)", token0, token1, NARROW_FEE),
        )
        address = self.chain.read(
            self.v3_factory, "getPool(address,address,uint24)", token0, token1, NARROW_FEE, returns="address"
        )
        self.chain.send(self.deployer, address, call_data("initialize(uint160)", 1 << 96))
        pool = Pool(V3, address, token_in, token_out, NARROW_FEE)
        provide(self, pool, -200, 200, ETHER)
        return pool

    def cycle(self, amount_in: int, path: list[Pool]) -> tuple[Cycle, int]:
        """The cycle with the greatest exact outputs, and its gain."""
        hops: list[Hop] = []
        amount = amount_in
        for pool in path:
            amount, _ = self.quote(pool, amount)
            hops.append((pool.address, pool.zero_for_one, amount, pool.protocol == V3))
        return (amount_in, hops), amount - amount_in

    def quote(self, pool: Pool, amount_in: int) -> tuple[int, int]:
        """Greatest output for this input, and the initialised ticks that are crossed."""
        if pool.protocol == V2:
            reserves = self.chain.read(pool.address, "getReserves()", returns="uint112,uint112,uint32")
            reserve_in, reserve_out = reserves[:2] if pool.zero_for_one else reserves[1::-1]
            return amount_out(amount_in, reserve_in, reserve_out, UNISWAP_KEEPS), 0
        asked = (pool.token_in, pool.token_out, amount_in, pool.fee, 0)
        out, _, crossed, _ = self.chain.read(self.quoter, QUOTE_IN, asked, returns=QUOTED)
        return out, crossed


def open_mixed_market(chain: Chain, deployer: str, weth: str) -> MixedMarket:
    """Twenty-four pools; `deployer` pays."""
    tokens = _tokens_around(chain, deployer, weth)
    v2 = [
        chain.deploy(deployer, shipped_code("uniswap-v2", "UniswapV2Factory"), ["address"], [deployer])
        for _ in range(2)
    ]
    v3 = chain.deploy(deployer, shipped_code("uniswap-v3", "UniswapV3Factory"))
    periphery = ["address", "address"], [v3, weth]
    quoter = chain.deploy(deployer, shipped_code("uniswap-v3-periphery", "QuoterV2"), *periphery)
    positions = chain.deploy(
        deployer,
        shipped_code("uniswap-v3-periphery", "NonfungiblePositionManager"),
        ["address"] * 3,
        [v3, weth, "0x" + "00" * 20],
    )
    market = MixedMarket(chain, deployer, weth, tokens, quoter, positions, v2, v3)
    chain.rpc("anvil_setBalance", deployer, hex(10**9 * ETHER))
    chain.send(deployer, weth, call_data("deposit()"), value=10**7 * ETHER)
    for token in tokens:
        chain.send(deployer, token, call_data("mint(address,uint256)", deployer, 10**8 * ETHER))
    for token in (weth, *tokens):
        chain.send(deployer, token, call_data("approve(address,uint256)", positions, 2**255))
    for one, other in itertools.combinations([weth, *tokens], 2):
        for side, (token_in, token_out) in enumerate(((one, other), (other, one))):
            _open_v2(market, side, token_in, token_out)
            _open_v3(market, FEES[side], token_in, token_out)
    return market


def _tokens_around(chain: Chain, deployer: str, weth: str) -> list[str]:
    """Three; the first and the last have addresses on either side of WETH's."""
    below: list[str] = []
    above: list[str] = []
    while not below or not above or len(below) + len(above) < 3:
        arguments = ["Token", "TOKEN", 18, deployer]
        types = ["string", "string", "uint8", "address"]
        token = chain.deploy(deployer, market_code("MarketToken"), types, arguments)
        (below if int(token, 16) < int(weth, 16) else above).append(token)
    return [below[0], [*below[1:], *above[1:]][0], above[0]]


def _open_v2(market: MixedMarket, side: int, token_in: str, token_out: str) -> None:
    chain, factory = market.chain, market.v2_factories[side]
    chain.send(market.deployer, factory, call_data("createPair(address,address)", token_in, token_out))
    pair = chain.read(factory, "getPair(address,address)", token_in, token_out, returns="address")
    for token, amount in ((token_in, DEPTH), (token_out, DEPTH * (100 + BONUS_PERCENT) // 100)):
        chain.send(market.deployer, token, call_data("transfer(address,uint256)", pair, amount))
    chain.send(market.deployer, pair, call_data("mint(address)", market.deployer))
    market.pools[V2, token_in, token_out] = Pool(V2, pair, token_in, token_out, 0)


def _open_v3(market: MixedMarket, fee: int, token_in: str, token_out: str) -> None:
    chain, factory = market.chain, market.v3_factory
    token0, token1 = sorted((token_in, token_out), key=lambda token: int(token, 16))
    chain.send(market.deployer, factory, call_data("createPool(address,address,uint24)", token0, token1, fee))
    address = chain.read(factory, "getPool(address,address,uint24)", token0, token1, fee, returns="address")
    parts = (100 + BONUS_PERCENT, 100) if token_in == token0 else (100, 100 + BONUS_PERCENT)
    price = math.isqrt((parts[0] << 192) // parts[1])
    chain.send(market.deployer, address, call_data("initialize(uint160)", price))
    market.pools[V3, token_in, token_out] = Pool(V3, address, token_in, token_out, fee)
    provide(market, market.pools[V3, token_in, token_out], -FULL_RANGE[fee], FULL_RANGE[fee], DEPTH)


def provide(market: MixedMarket, pool: Pool, lower: int, upper: int, amount: int) -> None:
    """A position of the deployer's in a V3 pool, up to `amount` of either token."""
    token0, token1 = sorted((pool.token_in, pool.token_out), key=lambda token: int(token, 16))
    position = (token0, token1, pool.fee, lower, upper, amount, amount, 0, 0, market.deployer, 2**40)
    market.chain.send(market.deployer, market.positions, call_data(NFPM_MINT, position))
