# pragma version 0.4.3
"""
@title  The inventory the local market's traders trade from
@notice Swaps exactly `amount_in` of its own stock; what comes out stays here. A swap that would bring less than
        `min_out` reverts, as an honest trader's does. Only the traders named at deployment may use it.
"""

interface Pair:
    def getReserves() -> (uint112, uint112, uint32): view
    def swap(amount0_out: uint256, amount1_out: uint256, to: address, data: Bytes[1]): nonpayable

interface Pool:
    def swap(
        recipient: address, zero_for_one: bool, amount_specified: int256, sqrt_price_limit_x96: uint160, data: Bytes[1]
    ) -> (int256, int256): nonpayable

interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable

MAX_TRADERS: constant(uint256) = 64
MIN_SQRT_RATIO: constant(uint160) = 4295128739
MAX_SQRT_RATIO: constant(uint160) = 1461446703485210103287273052203988822378723970342

is_trader: public(HashMap[address, bool])

swapping: transient(address)
paying: transient(address)


@deploy
def __init__(traders: DynArray[address, MAX_TRADERS]):
    for trader: address in traders:
        self.is_trader[trader] = True


@external
def swap_pair(
    pair: address, token_in: address, zero_for_one: bool, amount_in: uint256, fee_numerator: uint256, min_out: uint256
):
    """
    @notice Exact-in swap on a constant-product pair.
    @param  fee_numerator What is left of 1000 after the venue's fee: 997 for Uniswap V2.
    """
    assert self.is_trader[msg.sender], "only traders"
    reserve0: uint112 = 0
    reserve1: uint112 = 0
    since: uint32 = 0
    reserve0, reserve1, since = staticcall Pair(pair).getReserves()
    reserve_in: uint256 = convert(reserve0 if zero_for_one else reserve1, uint256)
    reserve_out: uint256 = convert(reserve1 if zero_for_one else reserve0, uint256)
    paid: uint256 = amount_in * fee_numerator
    out: uint256 = paid * reserve_out // (reserve_in * 1000 + paid)
    assert out >= min_out, "slippage"
    extcall Token(token_in).transfer(pair, amount_in, default_return_value=True)
    if zero_for_one:
        extcall Pair(pair).swap(0, out, self, b"")
    else:
        extcall Pair(pair).swap(out, 0, self, b"")


@external
def swap_pool(pool: address, token_in: address, zero_for_one: bool, amount_in: uint256, min_out: uint256):
    """
    @notice Exact-in swap on a concentrated-liquidity pool.
    """
    assert self.is_trader[msg.sender], "only traders"
    self.swapping = pool
    self.paying = token_in
    limit: uint160 = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
    delta0: int256 = 0
    delta1: int256 = 0
    delta0, delta1 = extcall Pool(pool).swap(self, zero_for_one, convert(amount_in, int256), limit, b"")
    self.swapping = empty(address)
    out: int256 = -delta1 if zero_for_one else -delta0
    assert out >= convert(min_out, int256), "slippage"


@external
def uniswapV3SwapCallback(delta0: int256, delta1: int256, data: Bytes[1]):
    assert msg.sender == self.swapping, "only the pool being called"
    owed: uint256 = convert(max(delta0, delta1), uint256)
    extcall Token(self.paying).transfer(msg.sender, owed, default_return_value=True)
