"""The MEV-Share node put together: its stream, its log, and the flow of the traders into it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from aiohttp import web

from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock
from bot.world.block_story import JsonLines
from bot.world.market_config import MarketConfig
from bot.world.mev_share_node import ENDPOINT, MevShareNode
from bot.world.mev_share_stream import HintStream
from bot.world.private_flow import PrivateFlow
from bot.world.relay import Relay

LOG_NAME = "private_flow.jsonl"


def open_mev_share(
    config: MarketConfig,
    anvil: Anvil,
    relay: Relay,
    next_block: Callable[[], BuildingBlock],
    stack: contextlib.AsyncExitStack,
) -> MevShareNode | None:
    """The node; None where its endpoint is not open. Raises OSError where its log cannot be written."""
    if ENDPOINT not in config.relay_names:
        return None
    log = JsonLines(config.run_dir / LOG_NAME)
    stack.callback(log.close)
    return MevShareNode(anvil, relay, next_block, HintStream(marks_blocks=config.lockstep), log)


def stream_routes(node: MevShareNode | None) -> tuple[web.RouteDef, ...]:
    """GET of the endpoint, beside its POST."""
    return () if node is None else (web.get("/", node.stream.serve),)


def private_flow(config: MarketConfig, relay: Relay, node: MevShareNode | None) -> PrivateFlow | None:
    if node is None:
        return None
    return PrivateFlow(
        config.seed,
        config.private_share,
        node,
        lambda request, signer: relay.handle(ENDPOINT, request, signer),
    )
