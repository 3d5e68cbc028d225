# pragma version 0.4.3
"""
@title  Opens the local market's pools and fills them
@notice Minter of every stand-in token and holder of the WETH it was sent. Only its owner may use it, save for
        the callback, which answers only the pool that is being filled at that moment.
"""

interface Mintable:
    def mint(to: address, amount: uint256): nonpayable

interface WrappedEther:
    def deposit(): payable
    def transfer(to: address, amount: uint256) -> bool: nonpayable

interface PairFactory:
    def createPair(token_a: address, token_b: address) -> address: nonpayable

interface Pair:
    def mint(to: address) -> uint256: nonpayable

interface PoolFactory:
    def createPool(token_a: address, token_b: address, fee: uint24) -> address: nonpayable

interface Pool:
    def initialize(sqrt_price_x96: uint160): nonpayable
    def mint(recipient: address, tick_lower: int24, tick_upper: int24, amount: uint128, data: Bytes[1]) -> (
        uint256, uint256
    ): nonpayable

struct Position:
    tick_lower: int24
    tick_upper: int24
    liquidity: uint128

MAX_POSITIONS: constant(uint256) = 16

OWNER: immutable(address)
WETH: immutable(address)

filling: transient(address)
token0: transient(address)
token1: transient(address)


@deploy
def __init__(owner: address, weth: address):
    OWNER = owner
    WETH = weth


@external
@payable
def wrap():
    """
    @notice Turn the ether sent along into WETH, to be handed out by `supply` and into pools.
    """
    assert msg.sender == OWNER, "only the owner"
    extcall WrappedEther(WETH).deposit(value=msg.value)


@external
def supply(token: address, to: address, amount: uint256):
    """
    @notice Give `to` `amount` of a token: WETH from the stock, any other newly made.
    """
    assert msg.sender == OWNER, "only the owner"
    self._supply(token, to, amount)


@external
def open_pair(factory: address, token0: address, token1: address, reserve0: uint256, reserve1: uint256):
    """
    @notice Create a constant-product pair and make `reserve0`, `reserve1` its reserves.
    """
    assert msg.sender == OWNER, "only the owner"
    pair: address = extcall PairFactory(factory).createPair(token0, token1)
    self._supply(token0, pair, reserve0)
    self._supply(token1, pair, reserve1)
    extcall Pair(pair).mint(self)


@external
def open_pool(
    factory: address,
    token0: address,
    token1: address,
    fee: uint24,
    sqrt_price_x96: uint160,
    positions: DynArray[Position, MAX_POSITIONS],
):
    """
    @notice Create a concentrated-liquidity pool at a price and put liquidity into each range.
    """
    assert msg.sender == OWNER, "only the owner"
    pool: address = extcall PoolFactory(factory).createPool(token0, token1, fee)
    extcall Pool(pool).initialize(sqrt_price_x96)
    self.filling = pool
    self.token0 = token0
    self.token1 = token1
    for position: Position in positions:
        extcall Pool(pool).mint(self, position.tick_lower, position.tick_upper, position.liquidity, b"")
    self.filling = empty(address)


@external
def uniswapV3MintCallback(amount0: uint256, amount1: uint256, data: Bytes[1]):
    assert msg.sender == self.filling, "only the pool being filled"
    if amount0 > 0:
        self._supply(self.token0, msg.sender, amount0)
    if amount1 > 0:
        self._supply(self.token1, msg.sender, amount1)


@internal
def _supply(token: address, to: address, amount: uint256):
    if token == WETH:
        extcall WrappedEther(WETH).transfer(to, amount)
    else:
        extcall Mintable(token).mint(to, amount)
