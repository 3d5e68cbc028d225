"""Logs, answers and calldata of V3 pools against eth_abi; what is not the event, by one bit, is refused."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.chains.load import load_profile
from bot.core.identity import Address, address_from_hex, keccak
from bot.core.messages import Log
from bot.protocols import uniswap_v3
from bot.protocols.uniswap_v3 import (
    BURN_TOPIC,
    FORKS,
    INITIALIZE_TOPIC,
    MINT_TOPIC,
    POOL_CREATED_TOPIC,
    SWAP_WORDS,
    decode_burn,
    decode_fee,
    decode_initialize,
    decode_liquidity,
    decode_mint,
    decode_pool_created,
    decode_slot0,
    decode_swap,
    decode_tick,
    decode_tick_bitmap,
    decode_tick_spacing,
    get_pool_calldata,
    pool_address,
    tick_bitmap_calldata,
    ticks_calldata,
)
from bot.protocols.v3_pool import TickLiquidity
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_TICK

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
PRICES = st.integers(0, MAX_SQRT_PRICE - 1)
TICKS = st.integers(MIN_TICK, MAX_TICK)
UINT128 = st.integers(0, 2**128 - 1)
INT256 = st.integers(-(2**255), 2**255 - 1)
ANYONE = Address(b"\x05" * 20)


def topic_of(kind, value):
    return encode([kind], [value])


def log_of(topics, types, values):
    return Log(ANYONE, tuple(topics), encode(types, values), 0, bytes(32))


def with_data(log, data):
    return Log(log.address, log.topics, data, 0, log.tx_hash)


def with_topics(log, topics):
    return Log(log.address, tuple(topics), log.data, 0, log.tx_hash)


def test_topics_are_the_published_ones():
    published = {
        INITIALIZE_TOPIC: "98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95",
        MINT_TOPIC: "7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde",
        BURN_TOPIC: "0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c",
        POOL_CREATED_TOPIC: "783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118",
        FORKS["uniswap_v3"].swap_topic: "c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",
        FORKS[
            "pancakeswap_v3"
        ].swap_topic: "19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83",
    }
    assert {topic.hex() for topic in published} == set(published.values())
    assert SWAP_WORDS.keys() == {fork.swap_topic for fork in FORKS.values()}


@pytest.mark.parametrize(
    ("venue", "tokens", "fee", "pool"),
    [
        ("uniswap-v3", ("USDC", "WETH"), 500, "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"),
        ("uniswap-v3", ("WETH", "WBTC"), 3000, "0xCBCdF9626bC03E24f779434178A73a0B4bad62eD"),
        ("pancakeswap-v3", ("WETH", "USDC"), 500, "0x1ac1A8FEaAEa1900C4166dEeed0C11cC10669D36"),
    ],
)
def test_addresses_of_mainnet_pools(venue, tokens, fee, pool):
    """The deployer of PancakeSwap's pools is not its factory."""
    profile = load_profile("ethereum")
    [found] = [one for one in profile.venues if one.name == venue]
    addresses = [token.address for token in profile.tokens if token.symbol in tokens]
    assert fee in dict(found.fee_tiers)
    for ordered in (addresses, addresses[::-1]):
        made = pool_address(found.deployer, *ordered, fee, found.init_code_hash)
        assert made == address_from_hex(pool)
    assert (found.deployer == found.factory) == (venue == "uniswap-v3")


@given(st.sampled_from(sorted(FORKS)), ADDRESSES, ADDRESSES, INT256, INT256, PRICES, UINT128, TICKS, UINT128)
def test_swap(fork, sender, recipient, amount0, amount1, price, liquidity, tick, protocol_fee):
    types = ["int256", "int256", "uint160", "uint128", "int24"]
    values = [amount0, amount1, price, liquidity, tick]
    if fork == "pancakeswap_v3":
        types, values = types + ["uint128"] * 2, [*values, protocol_fee, 0]
    topics = (FORKS[fork].swap_topic, topic_of("address", sender), topic_of("address", recipient))
    swap = decode_swap(log_of(topics, types, values))
    assert (swap.amount0, swap.amount1) == (amount0, amount1)
    assert (swap.sqrt_price, swap.liquidity, swap.tick) == (price, liquidity, tick)


@given(PRICES, TICKS)
def test_initialize(price, tick):
    log = log_of([INITIALIZE_TOPIC], ["uint160", "int24"], [price, tick])
    assert decode_initialize(log) == (price, tick)


@given(ADDRESSES, st.lists(TICKS, min_size=2, max_size=2, unique=True).map(sorted), UINT128, UINT128)
def test_mint_and_burn(owner, bounds, amount, paid):
    ticks = [topic_of("int24", tick) for tick in bounds]
    mint = log_of(
        [MINT_TOPIC, topic_of("address", owner), *ticks],
        ["address", "uint128", "uint256", "uint256"],
        [owner, amount, paid, 2**256 - 1],
    )
    burn = log_of(
        [BURN_TOPIC, topic_of("address", owner), *ticks],
        ["uint128", "uint256", "uint256"],
        [amount, paid, 0],
    )
    for change, delta in ((decode_mint(mint), amount), (decode_burn(burn), -amount)):
        assert (change.tick_lower, change.tick_upper, change.delta) == (*bounds, delta)


@given(ADDRESSES, ADDRESSES, ADDRESSES, st.integers(0, 999_999), st.integers(1, 16_383))
def test_pool_created(a, b, pool, fee, spacing):
    topics = [POOL_CREATED_TOPIC, topic_of("address", a), topic_of("address", b), topic_of("uint24", fee)]
    log = log_of(topics, ["int24", "address"], [spacing, pool])
    if a < b:
        created = decode_pool_created(log)
        assert (created.token0, created.token1, created.pool) == (a, b, pool)
        assert (created.fee, created.tick_spacing) == (fee, spacing)
    else:
        with pytest.raises(ValueError, match="is not below"):
            decode_pool_created(log)


LOGS = {
    "pancake swap": log_of(
        [FORKS["pancakeswap_v3"].swap_topic, topic_of("address", ANYONE), topic_of("address", ANYONE)],
        ["int256", "int256", "uint160", "uint128", "int24", "uint128", "uint128"],
        [-5, 7, 1 << 96, 9, -1, 3, 0],
    ),
    "swap": log_of(
        [FORKS["uniswap_v3"].swap_topic, topic_of("address", ANYONE), topic_of("address", ANYONE)],
        ["int256", "int256", "uint160", "uint128", "int24"],
        [-5, 7, 1 << 96, 9, -1],
    ),
    "initialize": log_of([INITIALIZE_TOPIC], ["uint160", "int24"], [1 << 96, -1]),
    "mint": log_of(
        [MINT_TOPIC, topic_of("address", ANYONE), topic_of("int24", -60), topic_of("int24", 60)],
        ["address", "uint128", "uint256", "uint256"],
        [ANYONE, 5, 6, 7],
    ),
    "burn": log_of(
        [BURN_TOPIC, topic_of("address", ANYONE), topic_of("int24", -60), topic_of("int24", 60)],
        ["uint128", "uint256", "uint256"],
        [5, 6, 7],
    ),
    "created": log_of(
        [
            POOL_CREATED_TOPIC,
            topic_of("address", ANYONE),
            topic_of("address", Address(b"\x06" * 20)),
            topic_of("uint24", 500),
        ],
        ["int24", "address"],
        [10, ANYONE],
    ),
}
DECODERS = {
    "pancake swap": decode_swap,
    "swap": decode_swap,
    "initialize": decode_initialize,
    "mint": decode_mint,
    "burn": decode_burn,
    "created": decode_pool_created,
}
FREE_BITS = {
    "swap": {0, 1},
    "pancake swap": {0, 1},
    "mint": {2, 3},
    "burn": {1, 2},
}
"""Words of data that are whole 256-bit numbers: any bits are values."""


@pytest.mark.parametrize("name", LOGS)
def test_a_log_that_is_another_or_of_another_length(name):
    log, decode = LOGS[name], DECODERS[name]
    decode(log)
    spoiled = [with_data(log, log.data[:-1]), with_data(log, log.data + b"\0"), with_data(log, b"")]
    spoiled += [with_data(log, log.data + bytes(32)), with_data(log, log.data[:-32])]
    spoiled += [with_topics(log, ()), with_topics(log, (*log.topics, bytes(32)))]
    spoiled += [with_topics(log, log.topics[:-1]), with_topics(log, (keccak(b"Other()"), *log.topics[1:]))]
    for other in spoiled:
        with pytest.raises(ValueError):
            decode(other)


@pytest.mark.parametrize("name", LOGS)
def test_a_word_that_its_type_does_not_hold(name):
    """The highest bit of each word set alone: no address, no uint128, no sign extension of a tick has it."""
    log, decode = LOGS[name], DECODERS[name]
    spoiled = []
    for place in range(len(log.data) // 32):
        if place not in FREE_BITS.get(name, ()):
            data = bytearray(log.data)
            data[32 * place] ^= 0x80
            spoiled.append(with_data(log, bytes(data)))
    for place in range(1, len(log.topics)):
        topics = list(log.topics)
        topics[place] = bytes([topics[place][0] ^ 0x80]) + topics[place][1:]
        spoiled.append(with_topics(log, topics))
    assert len(spoiled) >= 2
    for other in spoiled:
        with pytest.raises(ValueError):
            decode(other)


def test_a_position_upside_down():
    log = LOGS["mint"]
    with pytest.raises(ValueError, match="Mint from tick 60 up to tick -60"):
        decode_mint(with_topics(log, [*log.topics[:2], log.topics[3], log.topics[2]]))


@given(PRICES, TICKS, st.integers(0, 2**32 - 1), st.booleans())
def test_slot0_of_the_forks(price, tick, fee_protocol, unlocked):
    types = ["uint160", "int24", "uint16", "uint16", "uint16", "uint32", "bool"]
    answer = encode(types, [price, tick, 65535, 1, 2, fee_protocol, unlocked])
    slot0 = decode_slot0(answer, "pancakeswap_v3")
    assert (slot0.sqrt_price, slot0.tick, slot0.fee_protocol) == (price, tick, fee_protocol)
    if fee_protocol < 256:
        assert decode_slot0(answer, "uniswap_v3") == slot0
    else:
        with pytest.raises(ValueError, match="feeProtocol"):
            decode_slot0(answer, "uniswap_v3")
    with pytest.raises(KeyError):
        decode_slot0(answer, "uniswap_v2")
    with pytest.raises(ValueError, match="223 bytes"):
        decode_slot0(answer[:-1], "uniswap_v3")


@given(UINT128, st.integers(-(2**127), 2**127 - 1))
def test_ticks(gross, net):
    types = ["uint128", "int128", "uint256", "uint256", "int56", "uint160", "uint32", "bool"]
    answer = encode(types, [gross, net, 1, 2, -3, 4, 5, gross > 0])
    assert decode_tick(answer) == TickLiquidity(gross, net)
    with pytest.raises(ValueError, match="initialised"):
        decode_tick(encode(types, [gross, net, 1, 2, -3, 4, 5, gross == 0]))


@given(st.sets(st.integers(0, 255)), st.integers(-3466, 3465), st.sampled_from([1, 10, 50, 60, 200]))
def test_tick_bitmap(bits, word, spacing):
    answer = sum(1 << bit for bit in bits).to_bytes(32, "big")
    expected = [(word * 256 + bit) * spacing for bit in sorted(bits)]
    assert decode_tick_bitmap(answer, word, spacing) == expected
    with pytest.raises(ValueError, match="33 bytes"):
        decode_tick_bitmap(answer + b"\0", word, spacing)


def test_one_word_answers():
    assert decode_liquidity((2**128 - 1).to_bytes(32, "big")) == 2**128 - 1
    assert decode_fee((999_999).to_bytes(32, "big")) == 999_999
    assert decode_tick_spacing((16_383).to_bytes(32, "big")) == 16_383
    for decode, value in ((decode_liquidity, 2**128), (decode_fee, 10**6), (decode_tick_spacing, 0)):
        with pytest.raises(ValueError):
            decode(value.to_bytes(32, "big"))
        with pytest.raises(ValueError, match="31 bytes"):
            decode(bytes(31))


@given(ADDRESSES, ADDRESSES, st.integers(0, 2**24 - 1), st.integers(-(2**15), 2**15 - 1), TICKS)
def test_calldata_equals_eth_abi(a, b, fee, word, tick):
    def selector(signature):
        return keccak(signature.encode())[:4]

    expected = selector("getPool(address,address,uint24)") + encode(
        ["address", "address", "uint24"], [a, b, fee]
    )
    assert get_pool_calldata(a, b, fee) == expected
    assert tick_bitmap_calldata(word) == selector("tickBitmap(int16)") + encode(["int16"], [word])
    assert ticks_calldata(tick) == selector("ticks(int24)") + encode(["int24"], [tick])
    views = {"slot0": "slot0()", "liquidity": "liquidity()", "fee": "fee()", "tick_spacing": "tickSpacing()"}
    for name, signature in views.items():
        assert getattr(uniswap_v3, f"{name}_calldata")() == selector(signature)
