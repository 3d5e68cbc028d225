"""The market's open doors: a loopback port for each relay, the node, and the node's socket."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from bot.world.market_config import MarketConfig
from bot.world.market_files import Endpoints
from bot.world.node_front import NodeFront
from bot.world.relay import Relay
from bot.world.relay_faults import RelayFaults
from bot.world.relay_kinds import KINDS, Endpoint
from bot.world.relay_server import LOCKSTEP_SILENCE_S, SILENCE_S, RelayServer


async def open_doors(
    config: MarketConfig,
    anvil_url: str,
    front: NodeFront,
    relay: Relay,
    faults: RelayFaults,
    routes: Mapping[Endpoint, Sequence[web.RouteDef]],
    stack: contextlib.AsyncExitStack,
) -> Endpoints:
    """Listen until `stack` ends. `routes`: of an endpoint, beside its POST. Raises OSError.

    The socket lies in a short folder of its own, as its address may be 107 bytes long.
    """
    folder = Path(tempfile.mkdtemp(prefix="market-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    silence_s = LOCKSTEP_SILENCE_S if config.lockstep else SILENCE_S
    urls: dict[str, str] = {}
    for place, name in enumerate(config.relay_names, 1):
        server = RelayServer(relay, KINDS[name], faults, routes.get(name, ()), silence_s=silence_s)
        await server.start(config.port + place if config.port else 0)
        stack.push_async_callback(server.stop)
        urls[name] = server.url
    ipc_path = folder / "node.ipc"
    await front.start(ipc_path, config.port)
    stack.push_async_callback(front.stop)
    return Endpoints(
        node_http=front.url,
        node_ws=front.ws_url,
        node_ipc=str(ipc_path),
        relay=urls["market"],
        relay_unprotected=urls["market-unprotected"],
        anvil_admin=anvil_url,
        relays=urls,
    )
