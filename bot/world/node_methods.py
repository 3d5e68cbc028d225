"""What the market's node answers: reads go to anvil, whatever concerns pending transactions is answered here.

The list of what passes is closed: anvil also has methods that mine, impersonate and mint, and those are not a node's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import ClientError

from bot.core.identity import Address, TxHash, address_from_hex, hex_bytes, hex_quantity
from bot.world.anvil import Anvil, AnvilError
from bot.world.arrivals import Arrivals
from bot.world.json_rpc import INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError, invalid_params
from bot.world.mempool import Mempool
from bot.world.raw_transaction import decode_hex, decode_raw
from bot.world.subscriptions import Connection, Subscriptions
from bot.world.transaction_checks import read_accounts

READS = frozenset(
    [
        "eth_chainId",
        "eth_blockNumber",
        "eth_syncing",
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByNumber",
        "eth_getBlockTransactionCountByHash",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionReceipt",
        "eth_getLogs",
        "eth_getBalance",
        "eth_getCode",
        "eth_getStorageAt",
        "eth_getProof",
        "eth_getTransactionCount",
        "eth_call",
        "eth_estimateGas",
        "eth_createAccessList",
        "eth_simulateV1",
        "eth_gasPrice",
        "eth_maxPriorityFeePerGas",
        "eth_feeHistory",
        "eth_blobBaseFee",
        "net_version",
        "net_listening",
        "net_peerCount",
        "web3_clientVersion",
        "web3_sha3",
        "debug_traceTransaction",
        "debug_traceCall",
        "debug_traceBlockByNumber",
        "debug_traceBlockByHash",
        "trace_block",
        "trace_transaction",
        "trace_filter",
        "trace_get",
    ]
)
"""Methods that change nothing; they are handed to anvil as they came."""

_ADMIN_PREFIXES = ("anvil_", "evm_", "hardhat_", "tenderly_")


class NodeMethods:
    """Dispatch of one request. `tick_done` is called with (number, hash) and says whether it fits the head.

    `arrivals` answers market_pending, which a fork has not.
    """

    def __init__(
        self,
        anvil: Anvil,
        mempool: Mempool,
        subscriptions: Subscriptions,
        tick_done: Callable[[int, bytes], bool],
        arrivals: Arrivals | None = None,
    ) -> None:
        self._anvil = anvil
        self._mempool = mempool
        self._subscriptions = subscriptions
        self._tick_done = tick_done
        self._own: dict[str, Callable[[Sequence[Any]], Awaitable[Any]]] = {
            "eth_sendRawTransaction": self._send_raw_transaction,
            "eth_getTransactionByHash": self._transaction_by_hash,
            "eth_getTransactionCount": self._transaction_count,
            "txpool_status": self._txpool_status,
            "market_tickDone": self._market_tick_done,
        }
        if arrivals is not None:
            self._own["market_pending"] = lambda params: _market_pending(arrivals, params)

    def serve(self, method: str, answer: Callable[[Sequence[Any]], Awaitable[Any]]) -> None:
        """Answer `method` too: for powers over the market, which no real node has."""
        self._own[method] = answer

    async def answer(self, method: str, params: Sequence[Any], connection: Connection | None) -> Any:
        """The result. Raises RpcError. `connection` is None over plain HTTP, which cannot be pushed to."""
        own = self._own.get(method)
        if own is not None:
            return await own(params)
        if method in {"eth_subscribe", "eth_unsubscribe"}:
            if connection is None:
                raise RpcError(METHOD_NOT_FOUND, "notifications not supported: connect by websocket or IPC")
            if method == "eth_subscribe":
                return self._subscriptions.subscribe(connection, params)
            return self._subscriptions.unsubscribe(connection, params)
        if method in READS:
            return await self._forward(method, _without_pending(params))
        if method.startswith(_ADMIN_PREFIXES):
            raise RpcError(
                METHOD_NOT_FOUND, f"{method} is the local chain's own and not part of a node's API"
            )
        raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")

    async def _forward(self, method: str, params: Sequence[Any]) -> Any:
        try:
            return await self._anvil.rpc(method, params)
        except AnvilError as error:
            raise RpcError(error.code or INTERNAL_ERROR, error.message, error.data) from error
        except (TimeoutError, ClientError) as error:
            raise RpcError(INTERNAL_ERROR, f"the chain behind this node did not answer: {error}") from error

    async def _send_raw_transaction(self, params: Sequence[Any]) -> str:
        tx = decode_raw(decode_hex(_parameter(params, 0)))
        accounts = await read_accounts(self._anvil, [tx.sender])
        self._mempool.add(tx, accounts[tx.sender])
        return hex_bytes(tx.hash)

    async def _transaction_by_hash(self, params: Sequence[Any]) -> Any:
        tx = self._mempool.get(TxHash(decode_hex(_parameter(params, 0))))
        if tx is not None:
            return tx.pending_json()
        found = await self._forward("eth_getTransactionByHash", params)
        # While a block is built its transactions lie in anvil's pool; a node that was not sent them knows of none.
        return None if found is None or found.get("blockHash") is None else found

    async def _transaction_count(self, params: Sequence[Any]) -> Any:
        answer = await self._forward("eth_getTransactionCount", _without_pending(params))
        if len(params) < 2 or params[1] != "pending":
            return answer
        return hex_quantity(self._mempool.next_nonce(_address(params[0]), int(answer, 16)))

    async def _txpool_status(self, _: Sequence[Any]) -> dict[str, str]:
        return {"pending": hex_quantity(len(self._mempool)), "queued": "0x0"}

    async def _market_tick_done(self, params: Sequence[Any]) -> bool:
        number_text, block_hash = _parameter(params, 0), decode_hex(_parameter(params, 1))
        try:
            number = int(number_text, 16)
        except (ValueError, TypeError) as error:
            raise invalid_params(
                f"market_tickDone takes [block number in hex, block hash]: {error}"
            ) from error
        return self._tick_done(number, block_hash)


async def _market_pending(arrivals: Arrivals, params: Sequence[Any]) -> list[str]:
    """`[number]`: the raw public transactions that wait for that block, in order of arrival."""
    try:
        number = int(_parameter(params, 0), 16)
    except (ValueError, TypeError) as error:
        raise invalid_params(f"market_pending takes [block number in hex]: {error}") from error
    return [hex_bytes(tx.raw) for tx in await arrivals.waiting_for(number)]


def _without_pending(params: Sequence[Any]) -> list[Any]:
    """The pending block is answered as the latest: anvil's own would show what the builder is about to seal."""
    return ["latest" if param == "pending" else param for param in params]


def _parameter(params: Sequence[Any], index: int) -> Any:
    if len(params) <= index:
        raise invalid_params(f"missing value for required argument {index}")
    return params[index]


def _address(text: Any) -> Address:
    try:
        return address_from_hex(str(text))
    except ValueError as error:
        raise invalid_params(str(error)) from error
