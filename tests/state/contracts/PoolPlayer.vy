# pragma version 0.4.3
"""
@title  Does to concentrated-liquidity pools whatever it is told, and pays for it from its own stock
@notice For tests on a chain of their own: anybody may use it, and any pool that calls back is paid.
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
    def swap(
        recipient: address, zero_for_one: bool, amount: int256, limit: uint160, data: Bytes[1]
    ) -> (int256, int256): nonpayable
    def flash(recipient: address, amount0: uint256, amount1: uint256, data: Bytes[1]): nonpayable

interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable

lent0: transient(uint256)
lent1: transient(uint256)


@external
def mint(pool: address, tick_lower: int24, tick_upper: int24, amount: uint128):
    extcall Pool(pool).mint(self, tick_lower, tick_upper, amount, b"")


@external
def burn(pool: address, tick_lower: int24, tick_upper: int24, amount: uint128):
    extcall Pool(pool).burn(tick_lower, tick_upper, amount)


@external
def collect(pool: address, tick_lower: int24, tick_upper: int24):
    extcall Pool(pool).collect(self, tick_lower, tick_upper, max_value(uint128), max_value(uint128))


@external
def swap(pool: address, zero_for_one: bool, amount: int256, limit: uint160):
    extcall Pool(pool).swap(self, zero_for_one, amount, limit, b"")


@external
def flash(pool: address, amount0: uint256, amount1: uint256):
    self.lent0 = amount0
    self.lent1 = amount1
    extcall Pool(pool).flash(self, amount0, amount1, b"")


@external
def uniswapV3MintCallback(amount0: uint256, amount1: uint256, data: Bytes[1]):
    self._pay(amount0, amount1)


@external
def uniswapV3SwapCallback(delta0: int256, delta1: int256, data: Bytes[1]):
    self._pay(convert(max(delta0, 0), uint256), convert(max(delta1, 0), uint256))


@external
def uniswapV3FlashCallback(fee0: uint256, fee1: uint256, data: Bytes[1]):
    self._pay(self.lent0 + fee0, self.lent1 + fee1)


@internal
def _pay(amount0: uint256, amount1: uint256):
    if amount0 > 0:
        extcall Token(staticcall Pool(msg.sender).token0()).transfer(msg.sender, amount0, default_return_value=True)
    if amount1 > 0:
        extcall Token(staticcall Pool(msg.sender).token1()).transfer(msg.sender, amount1, default_return_value=True)
