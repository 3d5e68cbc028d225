# pragma version 0.4.3
"""
@title  The inventory the local market's liquidity providers add from and take back to
@notice Owner of every position it opens. Only the providers named at deployment may use it, save for the callback,
        which answers only the pool being called at that moment.
"""

interface Pool:
    def token0() -> address: view
    def token1() -> address: view
    def mint(recipient: address, tick_lower: int24, tick_upper: int24, amount: uint128, data: Bytes[1]) -> (
        uint256, uint256
    ): nonpayable
    def burn(tick_lower: int24, tick_upper: int24, amount: uint128) -> (uint256, uint256): nonpayable
    def collect(
        recipient: address, tick_lower: int24, tick_upper: int24, amount0: uint128, amount1: uint128
    ) -> (uint128, uint128): nonpayable

interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable

MAX_PROVIDERS: constant(uint256) = 64

is_provider: public(HashMap[address, bool])

calling: transient(address)


@deploy
def __init__(providers: DynArray[address, MAX_PROVIDERS]):
    for provider: address in providers:
        self.is_provider[provider] = True


@external
def add(pool: address, tick_lower: int24, tick_upper: int24, liquidity: uint128):
    """
    @notice Put liquidity into a range, paid from the stock.
    """
    assert self.is_provider[msg.sender], "only providers"
    self.calling = pool
    extcall Pool(pool).mint(self, tick_lower, tick_upper, liquidity, b"")
    self.calling = empty(address)


@external
def remove(pool: address, tick_lower: int24, tick_upper: int24, liquidity: uint128):
    """
    @notice Take liquidity out of a range. The pool keeps what it is worth until it is collected.
    """
    assert self.is_provider[msg.sender], "only providers"
    extcall Pool(pool).burn(tick_lower, tick_upper, liquidity)


@external
def collect(pool: address, tick_lower: int24, tick_upper: int24):
    """
    @notice Take back all that the pool keeps of a range: fees, and liquidity that was taken out.
    """
    assert self.is_provider[msg.sender], "only providers"
    extcall Pool(pool).collect(self, tick_lower, tick_upper, max_value(uint128), max_value(uint128))


@external
def uniswapV3MintCallback(amount0: uint256, amount1: uint256, data: Bytes[1]):
    assert msg.sender == self.calling, "only the pool being called"
    if amount0 > 0:
        extcall Token(staticcall Pool(msg.sender).token0()).transfer(msg.sender, amount0, default_return_value=True)
    if amount1 > 0:
        extcall Token(staticcall Pool(msg.sender).token1()).transfer(msg.sender, amount1, default_return_value=True)
