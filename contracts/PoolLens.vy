# pragma version 0.4.3
"""
@title  Reads many pools in one eth_call
@notice Never deployed: the reader lays this code over an unused address for the length of one call (the state
        override of eth_call). It holds nothing, changes nothing and trusts no pool: what does not answer as it
        should is marked so. It stops in good time when gas or room runs low, and says where.
"""

MAX_POOLS: constant(uint256) = 8192
MAX_WORDS: constant(uint256) = 16384
MAX_TICK: constant(int256) = 887272
MAX_BITMAP_WORDS: constant(int256) = 6932
GAS_FOR_A_WORD: constant(uint256) = 6_500_000  # 256 ticks of 12,000 gas, and as much again to return the answer
ROOM_FOR_A_WORD: constant(uint256) = 2 * 256
ROOM_FOR_A_HEADER: constant(uint256) = 4
FAILED: constant(uint256) = max_value(uint256)
ADDRESS_BITS: constant(uint256) = 2**160 - 1
AMOUNT_BITS: constant(uint256) = 2**128 - 1
TICK_BITS: constant(uint256) = 2**24 - 1


@external
@view
def reserves(pairs: DynArray[address, MAX_POOLS]) -> DynArray[uint256, MAX_POOLS]:
    """
    @notice reserve0 + reserve1 * 2**112 of each constant-product pair, in order; 2**256 - 1 where there is no answer.
            Fewer than asked for when gas runs low.
    """
    found: DynArray[uint256, MAX_POOLS] = []
    for pair: address in pairs:
        if msg.gas < GAS_FOR_A_WORD:
            break
        success: bool = False
        answer: Bytes[96] = b""
        success, answer = raw_call(
            pair, method_id("getReserves()"), max_outsize=96, is_static_call=True, revert_on_failure=False
        )
        if not success or len(answer) != 96:
            found.append(FAILED)
            continue
        reserve0: uint256 = 0
        reserve1: uint256 = 0
        since: uint256 = 0
        reserve0, reserve1, since = abi_decode(answer, (uint256, uint256, uint256))
        if (reserve0 | reserve1) >> 112 != 0:
            found.append(FAILED)
        else:
            found.append(reserve0 | reserve1 << 112)
    return found


@external
@view
def tick_maps(requests: DynArray[uint256, MAX_POOLS]) -> DynArray[uint256, MAX_WORDS]:
    """
    @notice Price, liquidity and initialised ticks of concentrated-liquidity pools. For each, in order: slot0's price,
            slot0's tick, liquidity, (count of ticks + next * 2**32), then two words a tick: (gross + (tick mod 2**24)
            * 2**128) and net. `next` is the first bitmap word not read, plus 32,768; the pool is complete when it
            lies behind its last word. The price is 2**256 - 1, and no tick follows, where the pool does not answer.
            Fewer pools than asked for when gas or room runs low.
    @param  requests Pool + tick spacing * 2**160 + (first bitmap word + 32,768) * 2**184.
    """
    found: DynArray[uint256, MAX_WORDS] = []
    for request: uint256 in requests:
        if msg.gas < GAS_FOR_A_WORD or len(found) + ROOM_FOR_A_HEADER + ROOM_FOR_A_WORD > MAX_WORDS:
            break
        pool: address = convert(request & ADDRESS_BITS, address)
        spacing: int256 = convert(request >> 160 & TICK_BITS, int256)
        word: int256 = convert(request >> 184, int256) - 32768
        head: uint256 = len(found)
        price: uint256 = 0
        tick: uint256 = 0
        is_there: bool = False
        is_there, price, tick = self._two(pool, method_id("slot0()"))
        answers: bool = False
        liquidity: uint256 = 0
        answers, liquidity = self._one(pool, method_id("liquidity()"))
        is_there = is_there and answers
        found.append(price)
        found.append(tick)
        found.append(liquidity)
        found.append(0)
        next: int256 = 32767  # behind every word
        for place: int256 in range(word, MAX_TICK // spacing // 256 + 1, bound=MAX_BITMAP_WORDS):
            if msg.gas < GAS_FOR_A_WORD or len(found) + ROOM_FOR_A_WORD > MAX_WORDS:
                next = place
                break
            bits: uint256 = 0
            answers, bits = self._one(pool, concat(method_id("tickBitmap(int16)"), self._word(place)))
            is_there = is_there and answers
            for _: uint256 in range(256):
                if bits == 0:
                    break
                lowest: uint256 = bits & (max_value(uint256) - bits + 1)
                bits ^= lowest
                at: int256 = (place * 256 + self._log2(lowest)) * spacing
                gross: uint256 = 0
                net: uint256 = 0
                answers, gross, net = self._two(pool, concat(method_id("ticks(int24)"), self._word(at)))
                is_there = is_there and answers and gross >> 128 == 0
                found.append(gross & AMOUNT_BITS | (convert(self._word(at), uint256) & TICK_BITS) << 128)
                found.append(net)
        count: uint256 = (len(found) - head - ROOM_FOR_A_HEADER) // 2
        found[head + 3] = count | convert(next + 32768, uint256) << 32
        if not is_there:
            found[head] = FAILED
    return found


@internal
@view
def _one(pool: address, data: Bytes[36]) -> (bool, uint256):
    """
    @dev An answer of one word.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(pool, data, max_outsize=32, is_static_call=True, revert_on_failure=False)
    if not success or len(answer) != 32:
        return False, 0
    return True, abi_decode(answer, uint256)


@internal
@view
def _two(pool: address, data: Bytes[36]) -> (bool, uint256, uint256):
    """
    @dev The first two words of an answer of two or more.
    """
    success: bool = False
    answer: Bytes[64] = b""
    success, answer = raw_call(pool, data, max_outsize=64, is_static_call=True, revert_on_failure=False)
    if not success or len(answer) != 64:
        return False, 0, 0
    first: uint256 = 0
    second: uint256 = 0
    first, second = abi_decode(answer, (uint256, uint256))
    return True, first, second


@internal
@pure
def _word(number: int256) -> bytes32:
    return convert(number, bytes32)


@internal
@pure
def _log2(power: uint256) -> int256:
    """
    @dev Of a power of two.
    """
    rest: uint256 = power
    place: int256 = 0
    if rest >> 128 > 0:
        place += 128
        rest >>= 128
    if rest >> 64 > 0:
        place += 64
        rest >>= 64
    if rest >> 32 > 0:
        place += 32
        rest >>= 32
    if rest >> 16 > 0:
        place += 16
        rest >>= 16
    if rest >> 8 > 0:
        place += 8
        rest >>= 8
    if rest >> 4 > 0:
        place += 4
        rest >>= 4
    if rest >> 2 > 0:
        place += 2
        rest >>= 2
    if rest >> 1 > 0:
        place += 1
    return place
