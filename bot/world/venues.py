"""The exchanges of the local market: where their factories stand, what their pools cost, and pools' addresses.

Addresses: Uniswap's published deployments; init code hashes: keccak256 of the creation code that the packages
ship (UniswapV2Pair and UniswapV3Pool equal mainnet's). `genesis` refuses to go on where they differ.
"""

from __future__ import annotations

from bot.core.identity import Address, address_from_hex, keccak
from bot.core.profile import Venue

UNISWAP_V2 = Venue(
    name="uniswap-v2",
    protocol="uniswap_v2",
    factory=address_from_hex("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
    init_code_hash=bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"),
    fee_numerator=997,
    fee_denominator=1000,
    first_block=0,
)
PANCAKESWAP_V1 = Venue(
    name="pancakeswap-v1",
    protocol="uniswap_v2",
    factory=address_from_hex("0xBCfCcbde45cE874adCB698cC183deBcF17952812"),
    init_code_hash=bytes.fromhex("c5950761a20eb44628c29e94156a05fa21ff1b0975c251e5cf19723e8bd17ca8"),
    fee_numerator=998,
    fee_denominator=1000,
    first_block=0,
)
"""The first PancakeSwap release (core 0.1.0): 0.2 % fee, and its pairs call back `pancakeCall`."""
UNISWAP_V3 = Venue(
    name="uniswap-v3",
    protocol="uniswap_v3",
    factory=address_from_hex("0x1F98431c8aD98523631AE4a59f267346ea31F984"),
    init_code_hash=bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"),
    fee_numerator=0,
    fee_denominator=1_000_000,
    first_block=0,
    fee_tiers=((100, 1), (500, 10), (3000, 60), (10000, 200)),
)
V2_VENUES = (UNISWAP_V2, PANCAKESWAP_V1)
VENUES = (*V2_VENUES, UNISWAP_V3)

POSITION_MANAGER = address_from_hex("0xC36442b4a4522E871399CD717aBDD847Ab11FE88")
QUOTER_V2 = address_from_hex("0x61fFE014bA17989E743c5F6cB21bF9697530B21e")
MULTICALL3 = address_from_hex("0xcA11bde05977b3631167028862bE2a173976CA11")

V3_TICK_SPACINGS = {100: 1, 500: 10, 3000: 60, 10000: 200}
"""Fee tier in hundredths of a bip -> tick spacing. The factory enables 100 by its owner's call, as on mainnet."""


def pair_address(venue: Venue, token0: Address, token1: Address) -> Address:
    """CREATE2 address of a V2 pair; the tokens in their sorted order."""
    return _create2(venue, keccak(token0 + token1))


def pool_address(venue: Venue, token0: Address, token1: Address, fee: int) -> Address:
    """CREATE2 address of a V3 pool; the tokens in their sorted order."""
    salt = keccak(token0.rjust(32, b"\0") + token1.rjust(32, b"\0") + fee.to_bytes(32, "big"))
    return _create2(venue, salt)


def _create2(venue: Venue, salt: bytes) -> Address:
    return Address(keccak(b"\xff" + venue.factory + salt + venue.init_code_hash)[12:])
