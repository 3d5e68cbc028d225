"""The genesis of the local market: protocols, tokens and pools put on a fresh anvil, the same way every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from eth_abi.abi import encode

from bot.core.identity import Address, from_hex, hex_bytes, hex_quantity, keccak, to_checksum
from bot.world.accounts import (
    FOUNDER,
    GAS_BURNER,
    LIQUIDITY_DESK,
    POOL_SEEDER,
    TRADER_DESK,
    provider_accounts,
    trader_accounts,
    traffic_account,
)
from bot.world.anvil import Anvil
from bot.world.contracts_in_place import Placement, place_contracts
from bot.world.founding_blocks import FoundingBlocks, GenesisError
from bot.world.market_plan import MarketPlan, PairPlan, PoolPlan
from bot.world.parts import protocol_artifact, world_artifact
from bot.world.tokens import WETH, PricedToken
from bot.world.traffic import BURNER_CODE
from bot.world.venues import (
    MULTICALL3,
    PANCAKESWAP_V1,
    POSITION_MANAGER,
    QUOTER_V2,
    UNISWAP_V2,
    UNISWAP_V3,
    VENUES,
)

Progress = Callable[[str, int, int], None]
"""(step, done, total)."""

_ETHER = 10**18
_FOUNDER_WEI = 10**12 * _ETHER
_TRADER_WEI = 10**5 * _ETHER
_TRAFFIC_WEI = 10**7 * _ETHER
_DESK_STOCK = 30
"""The traders' desk holds this many times what all pools start with, of every token."""
_LIQUIDITY_STOCK = 8
"""The providers' desk this many times."""
_POOLS_PER_BLOCK = 100
_FOUNDING_GAS_LIMIT = 10**13
"""The founding blocks hold whole batches; the market's own limit holds from the last of them on."""

_PAIR_CREATED = keccak(b"PairCreated(address,address,address,uint256)")
_POOL_CREATED = keccak(b"PoolCreated(address,address,uint24,int24,address)")


class GenesisConfig(msgspec.Struct, frozen=True):
    chain_id: int = 31337
    timestamp: int = 1_700_000_000
    """Of block 0, in seconds."""
    block_seconds: int = 12
    gas_limit: int = 60_000_000
    """Of a block; geth's default target."""
    base_fee_wei: int = 10 * 10**9
    """Of the last founding block, which is empty: the market's first own block pays 7/8 of it."""


def placements(plan: MarketPlan) -> list[Placement]:
    """Every contract of the market with its address and constructor arguments. Raises PartMissingError."""
    traders = [account.address for account in trader_accounts(plan.seed)]
    providers = [account.address for account in provider_accounts(plan.seed)]
    founder, weth, v3 = FOUNDER, WETH.address, UNISWAP_V3.factory
    periphery = "uniswap-v3-periphery"
    protocols = [
        Placement(weth, protocol_artifact("weth9", "WETH9")),
        Placement(
            UNISWAP_V2.factory, protocol_artifact("uniswap-v2", "UniswapV2Factory"), _addresses(founder)
        ),
        Placement(
            PANCAKESWAP_V1.factory, protocol_artifact("pancake-v2", "PancakeFactory"), _addresses(founder)
        ),
        Placement(v3, protocol_artifact("uniswap-v3", "UniswapV3Factory")),
        Placement(
            POSITION_MANAGER,
            protocol_artifact(periphery, "NonfungiblePositionManager"),
            _addresses(v3, weth, bytes(20)),  # no descriptor: nobody draws pictures of positions here
        ),
        Placement(QUOTER_V2, protocol_artifact(periphery, "QuoterV2"), _addresses(v3, weth)),
        Placement(MULTICALL3, protocol_artifact("multicall3", "Multicall3")),
        Placement(POOL_SEEDER, world_artifact("PoolSeeder"), _addresses(founder, weth)),
        Placement(TRADER_DESK, world_artifact("TraderDesk"), encode(["address[]"], [traders])),
        Placement(LIQUIDITY_DESK, world_artifact("LiquidityDesk"), encode(["address[]"], [providers])),
    ]
    return protocols + [_token_placement(priced) for priced in plan.tokens if priced.kind != "weth"]


async def build(anvil: Anvil, plan: MarketPlan, config: GenesisConfig, progress: Progress) -> None:
    """Make `plan` true on a fresh anvil started with `config`'s chain id and timestamp.

    The same arguments give the same accounts, state root and block hash.
    Raises GenesisError, PartMissingError, AnvilError.
    """
    _check_init_code_hashes()
    blocks = FoundingBlocks(anvil, FOUNDER, config.timestamp, config.block_seconds)
    contracts = placements(plan)
    await anvil.rpc("evm_setBlockGasLimit", [hex_quantity(_FOUNDING_GAS_LIMIT)])
    await anvil.rpc("anvil_impersonateAccount", [to_checksum(FOUNDER)])
    await _give_ether(anvil, plan)
    progress("contracts", 0, len(contracts))
    await place_contracts(anvil, blocks, contracts, FOUNDER, config.base_fee_wei)
    await anvil.rpc("anvil_setCode", [to_checksum(GAS_BURNER), hex_bytes(BURNER_CODE)])
    progress("contracts", len(contracts), len(contracts))
    _stock(blocks, plan)
    await blocks.mine(config.base_fee_wei)
    for start in range(0, len(plan.pools), _POOLS_PER_BLOCK):
        progress("pools", start, len(plan.pools))
        for pool in plan.pools[start : start + _POOLS_PER_BLOCK]:
            blocks.add(POOL_SEEDER, _opening(pool))
        await blocks.mine(config.base_fee_wei)
    progress("pools", len(plan.pools), len(plan.pools))
    await anvil.rpc("anvil_stopImpersonatingAccount", [to_checksum(FOUNDER)])
    await anvil.rpc("evm_setBlockGasLimit", [hex_quantity(config.gas_limit)])
    await blocks.mine(config.base_fee_wei)
    await _verify(anvil, plan, contracts)


async def _give_ether(anvil: Anvil, plan: MarketPlan) -> None:
    people = (*trader_accounts(plan.seed), *provider_accounts(plan.seed))
    balances = [(account.address, _TRADER_WEI) for account in people]
    balances += [(traffic_account(plan.seed).address, _TRAFFIC_WEI), (FOUNDER, _FOUNDER_WEI)]
    await anvil.rpc_batch(
        [("anvil_setBalance", [to_checksum(address), hex_quantity(wei)]) for address, wei in balances]
    )


def _stock(blocks: FoundingBlocks, plan: MarketPlan) -> None:
    """WETH for pools and desks from the founder's ether, every token for the desks, and the V3 tier of 100."""
    blocks.add(UNISWAP_V3.factory, _call("enableFeeAmount(uint24,int24)", ["uint24", "int24"], [100, 1]))
    weth = plan.reserves_of(plan.tokens[0])
    # Concentrated positions together hold up to three times what a pair of their depth would.
    blocks.add(POOL_SEEDER, _call("wrap()", [], []), value=weth * (_DESK_STOCK + _LIQUIDITY_STOCK + 4))
    supply, types = "supply(address,address,uint256)", ["address", "address", "uint256"]
    for priced in plan.tokens:
        reserves = plan.reserves_of(priced)
        for desk, times in ((TRADER_DESK, _DESK_STOCK), (LIQUIDITY_DESK, _LIQUIDITY_STOCK)):
            arguments = [priced.token.address, desk, reserves * times]
            blocks.add(POOL_SEEDER, _call(supply, types, arguments))


def _opening(pool: PairPlan | PoolPlan) -> bytes:
    """Calldata for the seeder that opens and fills this pool."""
    head = [pool.venue.factory, pool.token0.token.address, pool.token1.token.address]
    if isinstance(pool, PairPlan):
        types = ["address", "address", "address", "uint256", "uint256"]
        return _call("open_pair(" + ",".join(types) + ")", types, [*head, pool.reserve0, pool.reserve1])
    types = ["address", "address", "address", "uint24", "uint160", "(int24,int24,uint128)[]"]
    positions = [(p.tick_lower, p.tick_upper, p.liquidity) for p in pool.positions]
    arguments = [*head, pool.fee, pool.sqrt_price_x96, positions]
    return _call("open_pool(" + ",".join(types) + ")", types, arguments)


def _token_placement(priced: PricedToken) -> Placement:
    artifact = world_artifact("SilentToken" if priced.kind == "silent" else "MarketToken")
    token = priced.token
    arguments = [f"{token.symbol} (local market)", token.symbol, token.decimals, POOL_SEEDER]
    return Placement(token.address, artifact, encode(["string", "string", "uint8", "address"], arguments))


def _check_init_code_hashes() -> None:
    """Pools are found by CREATE2 from constants: they must belong to the bytecode that is here."""
    pools = {
        UNISWAP_V2: protocol_artifact("uniswap-v2", "UniswapV2Pair"),
        PANCAKESWAP_V1: protocol_artifact("pancake-v2", "PancakePair"),
        UNISWAP_V3: protocol_artifact("uniswap-v3", "UniswapV3Pool"),
    }
    for venue, artifact in pools.items():
        found = keccak(artifact.creation_code)
        if found != venue.init_code_hash:
            raise GenesisError(
                f"{artifact.name}: init code hash {found.hex()}, expected {venue.init_code_hash.hex()}: "
                "remove .parts and run scripts/setup"
            )


async def _verify(anvil: Anvil, plan: MarketPlan, contracts: Sequence[Placement]) -> None:
    """Code stands at every address, and the factories' logs name exactly the plan's pools."""
    addresses = [placement.address for placement in contracts] + [pool.address for pool in plan.pools]
    codes = await anvil.rpc_batch(
        [("eth_getCode", [to_checksum(address), "latest"]) for address in addresses]
    )
    bare = [to_checksum(address) for address, code in zip(addresses, codes, strict=True) if code == "0x"]
    if bare:
        raise GenesisError(f"no code at {', '.join(bare[:5])} ({len(bare)} of {len(addresses)})")
    created = await _created(anvil)
    planned = {pool.address for pool in plan.pools}
    if created != planned:
        raise GenesisError(
            f"factories created {len(created)} pools, {len(created & planned)} of them planned"
        )


async def _created(anvil: Anvil) -> set[Address]:
    """Addresses from PairCreated(.., pair, n) and PoolCreated(.., spacing, pool)."""
    query = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": [to_checksum(venue.factory) for venue in VENUES],
        "topics": [[hex_bytes(_PAIR_CREATED), hex_bytes(_POOL_CREATED)]],
    }
    created: set[Address] = set()
    for log in await anvil.rpc("eth_getLogs", [query]):
        word = 0 if log["topics"][0] == hex_bytes(_PAIR_CREATED) else 1
        created.add(Address(from_hex(log["data"])[32 * word + 12 : 32 * word + 32]))
    return created


def _addresses(*addresses: bytes) -> bytes:
    return encode(["address"] * len(addresses), addresses)


def _call(signature: str, types: list[str], arguments: list[object]) -> bytes:
    return keccak(signature.encode())[:4] + encode(types, arguments)
