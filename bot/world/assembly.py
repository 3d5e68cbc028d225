"""The local market put together: a chain with a node, a relay, a public and a competitor around it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from bot.core.identity import WalletName, hex_bytes, to_checksum
from bot.core.units import WeiPerGas
from bot.costs.gas_schedule import gas_schedule
from bot.world.anvil import HARDFORK, Anvil, AnvilConfig
from bot.world.arrivals import Arrivals
from bot.world.bidding_law import BiddingLaw
from bot.world.block_story import JsonLines
from bot.world.builder import Builder
from bot.world.builders_of_market import coinbases_of, fund_builders, open_race
from bot.world.competitor import Competitor, usual_shares
from bot.world.crowd import Crowd
from bot.world.doors import open_doors
from bot.world.dump import open_chain
from bot.world.exchanges.mover import Mover, steps_of
from bot.world.exchanges.server import ExchangeServer
from bot.world.genesis import GenesisConfig
from bot.world.keystores import WalletFiles, write_keystore
from bot.world.local_chain import LocalChain
from bot.world.market_clock import Lockstep, MarketClock, WallClock
from bot.world.market_config import MarketConfig
from bot.world.market_engine import ChainTip, MarketEngine
from bot.world.market_files import Endpoints, MarketFile, bot_variables, write_bot_env, write_market_file
from bot.world.market_plan import MarketPlan
from bot.world.mempool import Mempool
from bot.world.mev_share_assembly import LOG_NAME, open_mev_share, private_flow, stream_routes
from bot.world.mev_share_node import ENDPOINT
from bot.world.node_front import NodeFront
from bot.world.node_methods import NodeMethods
from bot.world.old_transactions import OldTypes
from bot.world.private_flow import PrivateFlow
from bot.world.relay import Relay
from bot.world.relay_fault_orders import RelayFaultOrders
from bot.world.relay_faults import RelayFaults
from bot.world.relay_kinds import Endpoint
from bot.world.sealing import read_head
from bot.world.shocks import shocks_after
from bot.world.stage import Stage, set_stage
from bot.world.subscriptions import Subscriptions
from bot.world.traders import Traders
from bot.world.transaction_pools import TransactionPools
from bot.world.upstream import check_upstream

Report = Callable[[str, str], None]
"""(step, detail): what the market is doing, for a person."""


class Market(msgspec.Struct, frozen=True):
    """A market that is up: its parts, for the one who runs it and for tests."""

    config: MarketConfig
    anvil: Anvil
    engine: MarketEngine
    front: NodeFront
    relay: Relay
    mempool: Mempool
    stage: Stage
    wallets: tuple[WalletFiles, ...]
    endpoints: Endpoints
    chain_id: int
    exchanges: ExchangeServer | None
    variables: dict[str, str]
    """What `bot.env` holds."""


@contextlib.asynccontextmanager
async def open_market(
    config: MarketConfig, report: Report = lambda _step, _detail: None
) -> AsyncIterator[Market]:
    """A market that answers but seals no block by itself: `engine.run` or `engine.seal_next` does.

    Raises AnvilStartError, GenesisError, PartMissingError, AnvilError, OSError; on a fork StopTheBot.
    """
    config.run_dir.mkdir(parents=True, exist_ok=True)
    ready_file = config.run_dir / "market.json"
    ready_file.unlink(missing_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        chain = await _open_chain(config, report)
        stack.push_async_callback(chain.anvil.stop)
        wallets = tuple(
            write_keystore(config.run_dir / "keys", config.seed, WalletName(name)) for name in config.wallets
        )
        report("executors", "deploying the bot's and the competitor's")
        stage = await set_stage(chain, config.seed, wallets, config.weth)
        await fund_builders(config, chain, stage)
        market = await _assemble(config, chain, stage, wallets, stack)
        write_bot_env(config.run_dir / "bot.env", market.variables)
        write_market_file(ready_file, _describe(market, chain.config))
        report(
            "ready", f"node {market.endpoints.node_ws}, relay {market.endpoints.relay}, seed {config.seed}"
        )
        yield market


async def _open_chain(config: MarketConfig, report: Report) -> LocalChain:
    anvil_config = AnvilConfig(log_path=config.run_dir / "anvil.log", ipc_path=config.anvil_ipc)
    plan = MarketPlan(config.seed, config.pools, config.tokens)
    if config.fork_url is None:
        report("chain", f"{len(plan.pools)} pools over {len(plan.tokens)} tokens, seed {config.seed}")
        return await open_chain(
            plan,
            config.genesis,
            anvil_config,
            config.cache,
            lambda step, done, total: report(step, f"{done}") if done == total else None,
        )
    report("chain", "forking")
    await check_upstream(config.fork_url, config.fork_chain_id)
    anvil = Anvil(
        AnvilConfig(
            log_path=anvil_config.log_path, chain_id=None, fork_url=config.fork_url, hardfork=HARDFORK
        )
    )
    await anvil.start()
    # The plan of a market that is not founded here; deploying and funding do not look at it.
    return LocalChain(anvil, plan, config.genesis)


async def _assemble(
    config: MarketConfig,
    chain: LocalChain,
    stage: Stage,
    wallets: tuple[WalletFiles, ...],
    stack: contextlib.AsyncExitStack,
) -> Market:
    anvil = chain.anvil
    chain_id = int(await anvil.rpc("eth_chainId"), 16)
    head = read_head(await anvil.rpc("eth_getBlockByNumber", ["latest", False]))
    tip = ChainTip(head, stage.coinbase, chain.config.block_seconds)
    schedule = gas_schedule(HARDFORK)
    pools = TransactionPools(*(Mempool(chain_id, schedule, head.gas_limit) for _ in range(3)))
    mempool = pools.public
    clock: MarketClock = Lockstep() if config.lockstep else WallClock(config.pace)
    subscriptions = Subscriptions()
    arrivals = Arrivals(mempool, head.number) if config.fork_url is None else None
    methods = NodeMethods(
        anvil,
        mempool,
        subscriptions,
        lambda number, block: clock.tick_done(tip.head.ref, number, block),
        arrivals,
    )
    front = NodeFront(methods, subscriptions, mempool)
    requests, stories = (_open_log(config.run_dir, name, stack) for name in ("requests", "builder"))
    relay = Relay(anvil, pools, tip.next_block, requests, time.time_ns, clock.slot_fraction)
    faults = RelayFaults(config.shocks.relays, config.seed)
    methods.serve("market_relayFault", RelayFaultOrders(faults, relay, config.relay_names).answer)
    exchanges, mover = await _open_exchanges(config, head.number + 1, stack)
    share = open_mev_share(config, anvil, relay, tip.next_block, stack)
    routes = {ENDPOINT: stream_routes(share)}
    if share is not None:
        front.drops_too(share.stream.drop_connections)
    endpoints = await open_doors(config, anvil.url, front, relay, faults, routes, stack)
    if exchanges is not None:
        urls = {name: exchanges.url(name) for name in exchanges.exchanges}
        endpoints = msgspec.structs.replace(endpoints, exchanges=urls)
    flow = private_flow(config, relay, share)
    crowd, competitor = _people(config, chain, stage, relay, chain_id, head.number + 1, flow, arrivals)
    engine = MarketEngine(
        anvil,
        tip,
        mempool,
        relay,
        open_race(config, Builder(anvil, chain_id, schedule, frozenset({stage.competitor})), relay, stage),
        front,
        clock,
        stories,
        crowd,
        competitor,
        lambda number: shocks_after(config.shocks, config.seed, number),
        mover,
    )
    variables = bot_variables(config, endpoints, stage, wallets)
    return Market(
        config,
        anvil,
        engine,
        front,
        relay,
        mempool,
        stage,
        wallets,
        endpoints,
        chain_id,
        exchanges,
        variables,
    )


async def _open_exchanges(
    config: MarketConfig, first_block: int, stack: contextlib.AsyncExitStack
) -> tuple[ExchangeServer, Mover] | tuple[None, None]:
    """On a port of their own, which nobody chooses."""
    if not config.has_exchanges:
        return None, None
    pace = None if config.lockstep else config.pace
    server = ExchangeServer(config.seed, steps=steps_of(pace), faults=config.shocks.exchanges)
    await server.start()
    stack.push_async_callback(server.stop)
    mover = Mover(server, first_block, pace)
    stack.push_async_callback(mover.stop)
    return server, mover


def _open_log(run_dir: Path, name: str, stack: contextlib.AsyncExitStack) -> JsonLines:
    log = JsonLines(run_dir / f"{name}.jsonl")
    stack.callback(log.close)
    return log


def _people(
    config: MarketConfig,
    chain: LocalChain,
    stage: Stage,
    relay: Relay,
    chain_id: int,
    first_block: int,
    flow: PrivateFlow | None,
    arrivals: Arrivals | None,
) -> tuple[Crowd, Competitor] | tuple[None, None]:
    """Those who trade beside the bot; on a fork nobody does."""
    if config.fork_url is not None:
        return None, None
    anvil, plan = chain.anvil, chain.plan
    crowd = Crowd(
        anvil,
        plan,
        chain_id,
        WeiPerGas(chain.config.base_fee_wei),
        first_block,
        traders=Traders(plan, chain_id, OldTypes(config.seed, config.old_type_share)),
        flow=flow,
        private=relay.pools.private,
        arrivals=arrivals,
    )
    shares = (
        BiddingLaw(config.seed).rival_share
        if config.hidden_law
        else usual_shares(config.seed, config.competitor_probability)
    )
    # With two builders it wants to be in both blocks.
    endpoints: tuple[Endpoint, ...] = ("market",) if config.relays == "one" else ("market", "market-titan")
    executor = stage.competitor_executor
    return crowd, Competitor(anvil, relay, plan, chain_id, executor, shares, endpoints)


def _describe(market: Market, genesis: GenesisConfig) -> MarketFile:
    config, stage, head = market.config, market.stage, market.engine.head
    return MarketFile(
        schema=1,
        pid=os.getpid(),
        chain=config.chain,
        chain_id=market.chain_id,
        seed=config.seed,
        lockstep=config.lockstep,
        endpoints=market.endpoints,
        anvil_pid=market.anvil.pid,
        genesis_time=head.timestamp - head.number * genesis.block_seconds,
        block_seconds=genesis.block_seconds,
        first_block=head.number,
        first_block_hash=hex_bytes(head.hash),
        wallets={wallet.name: to_checksum(wallet.address) for wallet in market.wallets},
        executor=to_checksum(stage.executor),
        executor_owner=to_checksum(stage.owner),
        profit_recipient=to_checksum(stage.profit_recipient),
        competitor=to_checksum(stage.competitor),
        competitor_executor=to_checksum(stage.competitor_executor),
        competitor_recipient=to_checksum(stage.competitor_recipient),
        coinbase=to_checksum(stage.coinbase),
        request_log=str(config.run_dir / "requests.jsonl"),
        builder_log=str(config.run_dir / "builder.jsonl"),
        private_flow_log=str(config.run_dir / LOG_NAME) if ENDPOINT in config.relay_names else "",
        builders={name: to_checksum(of) for name, of in coinbases_of(config, stage).items()},
    )
