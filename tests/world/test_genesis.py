"""The chain after its genesis is what the plan says, read back through the contracts themselves."""

from math import isqrt

import pytest
from chain_stage import CONFIG, SEED, anvil_config, calldata, open_stage
from eth_abi import encode

from bot.core.identity import Address, from_hex, hex_bytes, keccak, to_checksum
from bot.core.transaction import TransactionFields
from bot.world.accounts import POOL_SEEDER, TRADER_DESK, SignedTransaction, ThrowawayAccount
from bot.world.anvil import Anvil
from bot.world.dump import open_chain
from bot.world.founding_blocks import GenesisError
from bot.world.genesis import build
from bot.world.local_chain import LocalChain
from bot.world.market_plan import MarketPlan
from bot.world.parts import protocol_artifact, world_artifact
from bot.world.tokens import WETH
from bot.world.venues import (
    MULTICALL3,
    PANCAKESWAP_V1,
    POSITION_MANAGER,
    QUOTER_V2,
    UNISWAP_V2,
    UNISWAP_V3,
    VENUES,
)

OPERATOR = ThrowawayAccount(SEED, "operator")
STRANGER = ThrowawayAccount(SEED, "stranger")


async def test_tokens_stand_at_their_addresses_with_their_decimals(stage):
    for priced in stage.plan.tokens:
        token = priced.token
        assert await stage.read(token.address, "decimals()", ["uint8"]) == (token.decimals,)
        assert await stage.read(token.address, "symbol()", ["string"]) == (token.symbol,)
        (supply,) = await stage.read(token.address, "totalSupply()", ["uint256"])
        assert supply > stage.plan.reserves_of(priced)
    assert len(stage.plan.tokens) == 12


async def test_only_the_usdt_like_token_returns_nothing(stage):
    lengths = {}
    for priced in stage.plan.tokens:
        await stage.chain.deal(priced.token.address, STRANGER.address, 1_000)
        returned = {
            len(await stage.raw_read(priced.token.address, signature, *arguments, sender=STRANGER.address))
            for signature, arguments in (
                ("transfer(address,uint256)", (STRANGER.address, 1_000)),
                ("approve(address,uint256)", (STRANGER.address, 5)),
            )
        }
        assert len(returned) == 1
        lengths[priced.token.symbol] = returned.pop()
    assert lengths.pop("USDT") == 0
    assert set(lengths.values()) == {32}


async def test_pairs_are_where_create2_puts_them_with_the_planned_reserves(stage):
    for pair in stage.plan.pairs:
        tokens = (pair.token0.token.address, pair.token1.token.address)
        (found,) = await stage.read(pair.venue.factory, "getPair(address,address)", ["address"], *tokens)
        assert found == to_checksum(pair.address).lower()
        reserves = await stage.read(pair.address, "getReserves()", ["uint112", "uint112", "uint32"])
        assert reserves[:2] == (pair.reserve0, pair.reserve1)
        (token0,) = await stage.read(pair.address, "token0()", ["address"])
        assert from_hex(token0) == tokens[0]
    assert {pair.venue.name for pair in stage.plan.pairs} == {UNISWAP_V2.name, PANCAKESWAP_V1.name}


async def test_concentrated_pools_have_the_planned_price_and_liquidity(stage):
    factory = UNISWAP_V3.factory
    for pool in stage.plan.concentrated:
        tokens = (pool.token0.token.address, pool.token1.token.address)
        signature = "getPool(address,address,uint24)"
        (found,) = await stage.read(factory, signature, ["address"], *tokens, pool.fee)
        assert found == to_checksum(pool.address).lower()
        sqrt_price, tick = await stage.read(pool.address, "slot0()", ["uint160", "int24"])
        assert sqrt_price == pool.sqrt_price_x96
        inside = sum(p.liquidity for p in pool.positions if p.tick_lower <= tick < p.tick_upper)
        assert await stage.read(pool.address, "liquidity()", ["uint128"]) == (inside,)
        assert sum(1 for p in pool.positions if not p.tick_lower <= tick < p.tick_upper) >= 2


async def test_creation_logs_are_read_back_after_loading(stage):
    wanted = {
        hex_bytes(keccak(b"PairCreated(address,address,address,uint256)")): len(stage.plan.pairs),
        hex_bytes(keccak(b"PoolCreated(address,address,uint24,int24,address)")): len(stage.plan.concentrated),
    }
    for topic, count in wanted.items():
        query = {"fromBlock": "0x0", "toBlock": "latest", "topics": [topic]}
        logs = await stage.rpc("eth_getLogs", query)
        assert len(logs) == count > 0
        assert {log["address"] for log in logs} <= {to_checksum(v.factory).lower() for v in VENUES}
        receipt = await stage.rpc("eth_getTransactionReceipt", logs[0]["transactionHash"])
        assert topic in [log["topics"][0] for log in receipt["logs"]]


async def test_code_is_that_of_a_deployment_by_create(stage):
    """Multicall3 and WETH9 have no immutables: a CREATE of the same bytecode must leave the same code."""
    for address, folder, name in ((MULTICALL3, "multicall3", "Multicall3"), (WETH.address, "weth9", "WETH9")):
        deployed = await stage.chain.deploy(protocol_artifact(folder, name).creation_code, STRANGER.address)
        codes = [await stage.rpc("eth_getCode", to_checksum(a), "latest") for a in (address, deployed)]
        assert codes[0] == codes[1] != "0x"


async def test_periphery_knows_its_factory(stage):
    for periphery in (QUOTER_V2, POSITION_MANAGER):
        (factory,) = await stage.read(periphery, "factory()", ["address"])
        (weth,) = await stage.read(periphery, "WETH9()", ["address"])
        assert (from_hex(factory), from_hex(weth)) == (UNISWAP_V3.factory, WETH.address)
    head = await stage.head()
    assert await stage.read(MULTICALL3, "getBlockNumber()", ["uint256"]) == (head.number,)


async def test_fund_deal_and_deploy(stage):
    chain = stage.chain
    await chain.fund(STRANGER.address, 123)
    assert int(await stage.rpc("eth_getBalance", to_checksum(STRANGER.address), "latest"), 16) == 123
    for priced in stage.plan.tokens:
        await chain.deal(priced.token.address, STRANGER.address, 456)
        balance = await stage.read(priced.token.address, "balanceOf(address)", ["uint256"], STRANGER.address)
        assert balance == (456,)
    arguments = encode(
        ["address", "address", "address", "address[]"],
        [STRANGER.address, STRANGER.address, WETH.address, [OPERATOR.address]],
    )
    address = await chain.deploy(world_artifact("Executor").creation_code + arguments, STRANGER.address)
    assert await stage.rpc("eth_getCode", to_checksum(address), "latest") != "0x"
    assert int(await stage.rpc("eth_getBalance", to_checksum(STRANGER.address), "latest"), 16) == 123
    with pytest.raises(GenesisError, match="constructor"):
        await chain.deploy(bytes.fromhex("fe"), STRANGER.address)


async def test_seeder_and_desk_obey_nobody_else(stage):
    pair, pool = stage.plan.pairs[0], stage.plan.concentrated[0]
    token = pair.token0.token.address
    attempts = [
        (POOL_SEEDER, calldata("supply(address,address,uint256)", token, STRANGER.address, 1)),
        (POOL_SEEDER, calldata("uniswapV3MintCallback(uint256,uint256,bytes)", 1, 1, b"")),
        (token, calldata("mint(address,uint256)", STRANGER.address, 1)),
        (
            TRADER_DESK,
            calldata(
                "swap_pair(address,address,bool,uint256,uint256,uint256)",
                *(pair.address, token, True, 1_000, 997, 0),
            ),
        ),
        (
            TRADER_DESK,
            calldata("swap_pool(address,address,bool,uint256,uint256)", pool.address, token, True, 1_000, 0),
        ),
        (TRADER_DESK, calldata("uniswapV3SwapCallback(int256,int256,bytes)", 1, -1, b"")),
    ]
    for to, data in attempts:
        call = {"from": to_checksum(STRANGER.address), "to": to_checksum(to), "data": hex_bytes(data)}
        with pytest.raises(Exception, match="revert"):
            await stage.rpc("eth_call", call, "latest")


async def founded(folder, plan) -> LocalChain:
    """Built in this very process, no dump involved."""
    anvil = Anvil(anvil_config(folder, CONFIG))
    await anvil.start()
    await build(anvil, plan, CONFIG, lambda *_: None)
    return LocalChain(anvil, plan, CONFIG)


async def test_two_builds_and_a_load_are_one_chain(tmp_path, chain_cache):
    plan = MarketPlan(SEED)
    for name in ("first", "second", "loaded"):
        (tmp_path / name).mkdir()
    chains = [
        await founded(tmp_path / "first", plan),
        await founded(tmp_path / "second", MarketPlan(SEED)),
        await open_chain(plan, CONFIG, anvil_config(tmp_path / "loaded"), chain_cache),
    ]
    histories = []
    for chain in chains:
        for _ in range(3):
            await chain.mine()
        count = int(await chain.anvil.rpc("eth_blockNumber"), 16) + 1
        blocks = await chain.anvil.rpc_batch(
            [("eth_getBlockByNumber", [hex(number), False]) for number in range(count)]
        )
        histories.append([(b["number"], b["hash"], b["stateRoot"], b["timestamp"]) for b in blocks])
        await chain.anvil.stop()
    assert histories[0] == histories[1] == histories[2]
    assert len(histories[0]) > 6
    times = [int(timestamp, 16) for *_, timestamp in histories[0]]
    assert times == [CONFIG.timestamp + CONFIG.block_seconds * n for n in range(len(times))]


async def test_another_seed_is_another_chain(tmp_path, chain_cache, stage):
    other = await open_stage(tmp_path, chain_cache, SEED + 1)
    try:
        assert (await other.head()).hash != (await stage.head()).hash
    finally:
        await other.chain.anvil.stop()


async def test_a_larger_market_of_made_up_tokens(tmp_path, chain_cache):
    """150 pools over 26 tokens: two founding blocks of pools, two USDT-like tokens."""
    large = await open_stage(tmp_path, chain_cache, SEED, pools=150, tokens=26)
    try:
        assert [p.token.symbol for p in large.plan.tokens if p.kind == "silent"] == ["USDT", "TOK11"]
        for pair in large.plan.pairs:
            reserves = await large.read(pair.address, "getReserves()", ["uint112", "uint112", "uint32"])
            assert reserves[:2] == (pair.reserve0, pair.reserve1)
    finally:
        await large.chain.anvil.stop()


async def test_progress_is_told_to_the_end(tmp_path):
    told = []
    plan = MarketPlan(SEED + 2)
    chain = await open_chain(
        plan, CONFIG, anvil_config(tmp_path), tmp_path / "cache", lambda *step: told.append(step)
    )
    await chain.anvil.stop()
    last = {step: (done, total) for step, done, total in told}
    assert list(last) == ["contracts", "pools", "load"]
    assert all(done == total > 0 for done, total in last.values())
    told.clear()
    chain = await open_chain(
        plan, CONFIG, anvil_config(tmp_path), tmp_path / "cache", lambda *step: told.append(step)
    )
    await chain.anvil.stop()
    assert [step for step, *_ in told] == ["load", "load"]


async def test_code_hashes_name_what_stands_there(stage):
    hashes = await stage.chain.code_hashes()
    assert {WETH.address, MULTICALL3, QUOTER_V2, *(v.factory for v in VENUES)} <= set(hashes)
    assert keccak(b"") not in hashes.values()
    address = Address(UNISWAP_V2.factory)
    code = from_hex(await stage.rpc("eth_getCode", to_checksum(address), "latest"))
    assert hashes[address] == keccak(code)


async def test_the_position_manager_adds_liquidity_to_a_pool(stage):
    pool = stage.plan.concentrated[0]
    tokens = (pool.token0.token.address, pool.token1.token.address)
    await stage.chain.fund(STRANGER.address, 10**18)
    amounts = (pool.reserve0 // 100, pool.reserve1 // 100)
    calls = []
    for token, amount in zip(tokens, amounts, strict=True):
        await stage.chain.deal(token, STRANGER.address, amount)
        calls.append((token, calldata("approve(address,uint256)", POSITION_MANAGER, amount)))
    widest = pool.positions[0]
    mint = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
    ticks = (widest.tick_lower, widest.tick_upper)
    order = (*tokens, pool.fee, *ticks, *amounts, 0, 0, STRANGER.address, 2**40)
    calls.append((POSITION_MANAGER, calldata(mint, order)))
    (before,) = await stage.read(pool.address, "liquidity()", ["uint128"])
    await stage.send([sign_call(nonce, to, data) for nonce, (to, data) in enumerate(calls)])
    receipts = await stage.receipts(await stage.chain.mine())
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * 3
    (after,) = await stage.read(pool.address, "liquidity()", ["uint128"])
    owner = await stage.read(POSITION_MANAGER, "ownerOf(uint256)", ["address"], 1)
    assert from_hex(owner[0]) == STRANGER.address
    assert 0.0099 < (after - before) / isqrt(pool.reserve0 * pool.reserve1) < 0.0101


def sign_call(nonce, to, data) -> SignedTransaction:
    fields = TransactionFields(CONFIG.chain_id, nonce, 10**9, 50 * 10**9, 1_000_000, to, 0, data)
    raw, tx_hash = STRANGER.sign(fields)
    return SignedTransaction(raw, tx_hash, STRANGER.address, nonce)
