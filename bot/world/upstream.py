"""The node a fork is taken from: asked once, before anything is built on what it says."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp
import msgspec

from bot.core.errors import BadConfiguration, Unreachable

ANSWER_LIMIT_S = 10.0


async def check_upstream(url: str, chain_id: int | None) -> None:
    """Raises Unreachable where no node answers, BadConfiguration where it is on another chain than `chain_id`.

    The messages name the node's host, never the path of its URL, where providers put keys.
    """
    place = _place(url)
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    limit = aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.post(url, json=question) as reply:
            found = int(msgspec.json.decode(await reply.read())["result"], 16)
    except (aiohttp.ClientError, OSError) as error:  # a time-out is an OSError
        raise Unreachable(
            f"--rpc: no node answers at {place} ({type(error).__name__}); start it or correct the URL"
        ) from None
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise Unreachable(f"--rpc: what answers at {place} is no Ethereum node; correct the URL") from None
    if chain_id not in (None, found):
        raise BadConfiguration(
            f"--rpc: the node at {place} is on chain {found}, but --profile is of chain {chain_id}; change one of them"
        )


def _place(url: str) -> str:
    """Scheme, host and port. Raises BadConfiguration for what is no http URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadConfiguration("--rpc: a URL that cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConfiguration(
            "--rpc: http://… or https://… of a node is expected: a fork reads, nothing is pushed"
        )
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
