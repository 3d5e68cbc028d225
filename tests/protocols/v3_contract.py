"""UniswapV3Pool.sol read line by line into Python: step loop, bitmap, uint256 arithmetic, reverts. Slow, and plain.

Knows nothing of `bot`. The second opinion for random pools, and the reference of the quote bench.
"""

Q96 = 1 << 96
UINT256 = (1 << 256) - 1
MIN_TICK, MAX_TICK = -887272, 887272
MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342
MULTIPLIERS = """
    fffcb933bd6fad37aa2d162d1a594001 fff97272373d413259a46990580e213a fff2e50f5f656932ef12357cf3c7fdcc
    ffe5caca7e10e4e61c3624eaa0941cd0 ffcb9843d60f6159c9db58835c926644 ff973b41fa98c081472e6896dfb254c0
    ff2ea16466c96a3843ec78b326b52861 fe5dee046a99a2a811c461f1969c3053 fcbe86c7900a88aedcffc83b479aa3a4
    f987a7253ac413176f2b074cf7815e54 f3392b0822b70005940c7a398e4b70f3 e7159475a2c29b7443b29c7fa6e889d9
    d097f3bdfd2022b8845ad8f792aa5825 a9f746462d870fdf8a65dc1f90e061e5 70d869a156d2a1b890bb3df62baf32f7
    31be135f97d08fd981231505542fcfa6 9aa508b5b7a84e1c677de54f3e99bc9 5d6af8dedb81196699c329225ee604
    2216e584f5fa1ea926041bedfe98 48a170391f7dc42444e8fa2
"""
RATIOS = [int(text, 16) for text in MULTIPLIERS.split()]


class Reverted(Exception):
    pass


def require(condition, reason=""):
    if not condition:
        raise Reverted(reason)


def mul_div(a, b, denominator):
    result = a * b // denominator
    require(result <= UINT256)
    return result


def mul_div_rounding_up(a, b, denominator):
    result = mul_div(a, b, denominator)
    return result + 1 if a * b % denominator else result


def div_rounding_up(a, b):
    return a // b + (a % b > 0)


# TickMath


def get_sqrt_ratio_at_tick(tick):
    abs_tick = abs(tick)
    require(abs_tick <= MAX_TICK, "T")
    ratio = RATIOS[0] if abs_tick & 1 else 1 << 128
    for bit in range(1, 20):
        if abs_tick & 1 << bit:
            ratio = ratio * RATIOS[bit] >> 128
    if tick > 0:
        ratio = UINT256 // ratio
    return (ratio >> 32) + (ratio % (1 << 32) != 0)


def get_tick_at_sqrt_ratio(sqrt_price):
    require(MIN_SQRT_RATIO <= sqrt_price < MAX_SQRT_RATIO, "R")
    ratio = sqrt_price << 32
    msb = ratio.bit_length() - 1
    r = ratio >> msb - 127 if msb >= 128 else ratio << 127 - msb
    log_2 = (msb - 128) << 64
    for shift in range(63, 49, -1):
        r = r * r >> 127
        f = r >> 128
        log_2 |= f << shift
        r >>= f
    log_sqrt10001 = log_2 * 255738958999603826347141
    low = (log_sqrt10001 - 3402992956809132418596140100660247210) >> 128
    high = (log_sqrt10001 + 291339464771989622907027621153398088495) >> 128
    if low == high:
        return low
    return high if get_sqrt_ratio_at_tick(high) <= sqrt_price else low


# SqrtPriceMath


def next_from_amount0(price, liquidity, amount, add):
    if amount == 0:
        return price
    numerator = liquidity << 96
    product = (amount * price) & UINT256
    if add:
        if product // amount == price:
            denominator = (numerator + product) & UINT256
            if denominator >= numerator:
                return mul_div_rounding_up(numerator, price, denominator)
        require(numerator // price + amount <= UINT256)
        return div_rounding_up(numerator, numerator // price + amount)
    require(product // amount == price and numerator > product)
    result = mul_div_rounding_up(numerator, price, numerator - product)
    require(result < 1 << 160)
    return result


def next_from_amount1(price, liquidity, amount, add):
    if add:
        result = price + mul_div(amount, Q96, liquidity)
        require(result < 1 << 160)
        return result
    quotient = mul_div_rounding_up(amount, Q96, liquidity)
    require(price > quotient)
    return price - quotient


def next_from_input(price, liquidity, amount, zero_for_one):
    require(price > 0 and liquidity > 0)
    return (next_from_amount0 if zero_for_one else next_from_amount1)(price, liquidity, amount, True)


def next_from_output(price, liquidity, amount, zero_for_one):
    require(price > 0 and liquidity > 0)
    return (next_from_amount1 if zero_for_one else next_from_amount0)(price, liquidity, amount, False)


def amount0_delta(a, b, liquidity, up):
    if a > b:
        a, b = b, a
    numerator = liquidity << 96
    if up:
        return div_rounding_up(mul_div_rounding_up(numerator, b - a, b), a)
    return mul_div(numerator, b - a, b) // a


def amount1_delta(a, b, liquidity, up):
    if a > b:
        a, b = b, a
    return (mul_div_rounding_up if up else mul_div)(liquidity, b - a, Q96)


# SwapMath


def compute_swap_step(current, target, liquidity, remaining, fee):
    """(next price, amount in, amount out, fee amount)."""
    zero_for_one = current >= target
    exact_in = remaining >= 0
    delta_in, delta_out = (amount0_delta, amount1_delta) if zero_for_one else (amount1_delta, amount0_delta)
    amount_in = amount_out = 0
    if exact_in:
        less_fee = mul_div(remaining, 1000000 - fee, 1000000)
        amount_in = delta_in(target, current, liquidity, True)
        reached = less_fee >= amount_in
        following = target if reached else next_from_input(current, liquidity, less_fee, zero_for_one)
    else:
        amount_out = delta_out(target, current, liquidity, False)
        reached = -remaining >= amount_out
        following = target if reached else next_from_output(current, liquidity, -remaining, zero_for_one)
    is_max = target == following
    if not (is_max and exact_in):
        amount_in = delta_in(following, current, liquidity, True)
    if not (is_max and not exact_in):
        amount_out = delta_out(following, current, liquidity, False)
    if not exact_in and amount_out > -remaining:
        amount_out = -remaining
    if exact_in and following != target:
        return following, amount_in, amount_out, remaining - amount_in
    return following, amount_in, amount_out, mul_div_rounding_up(amount_in, fee, 1000000 - fee)


class ContractPool:
    """UniswapV3Pool's slot0, liquidity, ticks and tickBitmap. `ticks`: {tick: [gross, net]}."""

    def __init__(self, fee, spacing, price=0, tick=0, liquidity=0, ticks=None):
        self.fee, self.spacing = fee, spacing
        self.price, self.tick, self.liquidity = price, tick, liquidity
        self.ticks = {at: list(info) for at, info in (ticks or {}).items()}
        self.bitmap = {}
        self.crossed = 0
        for at in self.ticks:
            self._flip(at)

    def _flip(self, tick):
        assert tick % self.spacing == 0
        compressed = tick // self.spacing
        self.bitmap[compressed >> 8] = self.bitmap.get(compressed >> 8, 0) ^ 1 << (compressed & 255)

    def next_initialized_within_one_word(self, tick, lte):
        compressed = tick // self.spacing
        if lte:
            bit = compressed & 255
            masked = self.bitmap.get(compressed >> 8, 0) & ((1 << bit) - 1 + (1 << bit))
            if masked:
                return (compressed - (bit - (masked.bit_length() - 1))) * self.spacing, True
            return (compressed - bit) * self.spacing, False
        compressed += 1
        bit = compressed & 255
        masked = self.bitmap.get(compressed >> 8, 0) & ~((1 << bit) - 1) & UINT256
        if masked:
            return (compressed + ((masked & -masked).bit_length() - 1 - bit)) * self.spacing, True
        return (compressed + (255 - bit)) * self.spacing, False

    def initialize(self, price):
        require(self.price == 0, "AI")
        self.tick = get_tick_at_sqrt_ratio(price)
        self.price = price

    def modify_position(self, lower, upper, delta):
        """Mint or burn, by whoever owns enough of it."""
        require(lower < upper, "TLU")
        require(lower >= MIN_TICK, "TLM")
        require(upper <= MAX_TICK, "TUM")
        most = ((1 << 128) - 1) // (2 * (MAX_TICK // self.spacing) + 1)
        for tick, net in ((lower, delta), (upper, -delta)):
            require(tick % self.spacing == 0)
            gross_before, net_before = self.ticks.get(tick, (0, 0))
            gross = gross_before + delta
            require(gross >= 0, "LS")
            require(gross <= most, "LO")
            self.ticks[tick] = [gross, net_before + net]
            if (gross == 0) != (gross_before == 0):
                self._flip(tick)
            if gross == 0:
                del self.ticks[tick]
        if lower <= self.tick < upper:
            self.liquidity += delta

    def word(self, tick, zero_for_one):
        """Where the search for the next tick begins."""
        return tick // self.spacing + (0 if zero_for_one else 1) >> 8

    def swap(self, zero_for_one, amount_specified, limit=None):
        """(amount0, amount1), and the pool after it.

        Of the last swap, `crossed` counts the initialised ticks, `words` how often it went on to another bitmap word.
        """
        if limit is None:
            limit = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
        require(amount_specified != 0, "AS")
        require(self.price != 0, "LOK")
        if zero_for_one:
            require(MIN_SQRT_RATIO < limit < self.price, "SPL")
        else:
            require(self.price < limit < MAX_SQRT_RATIO, "SPL")
        exact_in = amount_specified > 0
        remaining, calculated = amount_specified, 0
        price, tick, liquidity = self.price, self.tick, self.liquidity
        self.crossed = self.words = 0
        while remaining != 0 and price != limit:
            start = price
            following, initialized = self.next_initialized_within_one_word(tick, zero_for_one)
            following = max(MIN_TICK, min(MAX_TICK, following))
            price_next = get_sqrt_ratio_at_tick(following)
            beyond = price_next < limit if zero_for_one else price_next > limit
            price, amount_in, amount_out, fee_amount = compute_swap_step(
                price, limit if beyond else price_next, liquidity, remaining, self.fee
            )
            if exact_in:
                remaining -= amount_in + fee_amount
                calculated -= amount_out
            else:
                remaining += amount_out
                calculated += amount_in + fee_amount
            if price == price_next:
                if initialized:
                    net = self.ticks[following][1]
                    liquidity += -net if zero_for_one else net
                    require(0 <= liquidity < 1 << 128)
                    self.crossed += 1
                was, tick = tick, following - 1 if zero_for_one else following
                self.words += self.word(was, zero_for_one) != self.word(tick, zero_for_one)
            elif price != start:
                tick = get_tick_at_sqrt_ratio(price)
        self.price, self.tick, self.liquidity = price, tick, liquidity
        if zero_for_one == exact_in:
            return amount_specified - remaining, calculated
        return calculated, amount_specified - remaining
