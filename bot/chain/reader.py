"""core.ports.ChainReader over JSON-RPC: every state read names its block by hash (EIP-1898), canonical or nothing.

`{"blockHash": ..., "requireCanonical": true}` stands for the block in call, balance, nonce, code and simulation.
Tried with anvil 1.7.1, which understands it in all five and answers "Resource not found" for an abandoned or unknown
hash. There is no fall-back by number: a node that refuses the form gives Unknown, not a read of some other block.
"""

from collections.abc import Sequence
from typing import Any

from bot.chain.revert_reason import revert_reason
from bot.core.ethereum_json import (
    MalformedAnswer,
    decode_data,
    decode_head,
    decode_head_or_none,
    decode_logs,
    decode_logs_of,
    decode_quantity,
    decode_receipt_or_none,
    decode_receipts_of,
    decode_transactions,
    decode_withdrawn,
    decoded,
)
from bot.core.identity import Address, BlockHash, BlockRef, TxHash, hex_bytes, hex_quantity
from bot.core.messages import Head, Log
from bot.core.ports import JsonRpc, MinedTransaction, Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Wei


class RpcChainReader:
    """Reverted comes from `call` alone, when the called code reverted; any other failure is Unknown."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    async def chain_id(self) -> Ok[int] | Reverted | Unknown:
        return decoded(await self._ask("eth_chainId"), decode_quantity, "eth_chainId")

    async def head(self) -> Ok[Head] | Reverted | Unknown:
        return decoded(
            await self._ask("eth_getBlockByNumber", "latest", False), decode_head, "eth_getBlockByNumber"
        )

    async def head_by_hash(self, block: BlockHash) -> Ok[Head | None] | Reverted | Unknown:
        answer = await self._ask("eth_getBlockByHash", hex_bytes(block), False)
        return decoded(answer, lambda value: _named(decode_head_or_none(value), block), "eth_getBlockByHash")

    async def head_by_number(self, number: int) -> Ok[Head | None] | Reverted | Unknown:
        answer = await self._ask("eth_getBlockByNumber", hex_quantity(number), False)
        return decoded(
            answer, lambda value: _numbered(decode_head_or_none(value), number), "eth_getBlockByNumber"
        )

    async def code(self, address: Address, at: BlockRef) -> Ok[bytes] | Reverted | Unknown:
        """Runtime code, empty for an account without; a delegated account (EIP-7702) has 23 bytes, 0xef0100..."""
        answer = await self._ask("eth_getCode", hex_bytes(address), block_id(at.hash))
        return decoded(answer, decode_data, "eth_getCode")

    async def call(self, to: Address, data: bytes, at: BlockRef) -> Ok[bytes] | Reverted | Unknown:
        """The returned bytes; empty when there is no code at `to`, which the caller must not take for a zero."""
        return await self._call({"to": hex_bytes(to), "input": hex_bytes(data)}, at)

    async def call_with_code(
        self, to: Address, code: bytes, data: bytes, at: BlockRef
    ) -> Ok[bytes] | Reverted | Unknown:
        """As `call`, with `code` at `to` for the length of the call. Unknown where the node overrides no state."""
        call = {"to": hex_bytes(to), "input": hex_bytes(data)}
        return await self._call(call, at, {hex_bytes(to): {"code": hex_bytes(code)}})

    async def _call(
        self, call: dict[str, str], at: BlockRef, *overrides: dict[str, dict[str, str]]
    ) -> Ok[bytes] | Reverted | Unknown:
        answer = await self._rpc.request("eth_call", [call, block_id(at.hash), *overrides])
        if isinstance(answer, Reverted):
            if answer.data or "revert" in answer.reason.lower():
                return Reverted(revert_reason(answer.data) if answer.data else answer.reason, answer.data)
            return Unknown(f"eth_call: the node refused: {answer.reason}")
        return decoded(answer, decode_data, "eth_call")

    async def transaction_count(self, address: Address, at: BlockRef) -> Ok[int] | Reverted | Unknown:
        answer = await self._ask("eth_getTransactionCount", hex_bytes(address), block_id(at.hash))
        return decoded(answer, decode_quantity, "eth_getTransactionCount")

    async def balance(self, address: Address, at: BlockRef) -> Ok[Wei] | Reverted | Unknown:
        answer = await self._ask("eth_getBalance", hex_bytes(address), block_id(at.hash))
        return decoded(answer, lambda value: Wei(decode_quantity(value)), "eth_getBalance")

    async def logs(
        self, block: BlockHash, topics: Sequence[bytes]
    ) -> Ok[tuple[Log, ...]] | Reverted | Unknown:
        """The block's logs whose first topic is one of `topics` (all logs for none), in log order."""
        query: dict[str, object] = {"blockHash": hex_bytes(block)}
        if topics:
            query["topics"] = [[hex_bytes(topic) for topic in topics]]
        return decoded(await self._ask("eth_getLogs", query), decode_logs_of(block), "eth_getLogs")

    async def logs_of(
        self, emitter: Address, topic: bytes, first_block: int, last_block: int
    ) -> Ok[tuple[Log, ...]] | Reverted | Unknown:
        """One contract's logs with this first topic, in chain order, of the blocks that are canonical just now."""
        query: dict[str, object] = {
            "address": hex_bytes(emitter),
            "topics": [hex_bytes(topic)],
            "fromBlock": hex_quantity(first_block),
            "toBlock": hex_quantity(last_block),
        }
        return decoded(await self._ask("eth_getLogs", query), decode_logs, "eth_getLogs")

    async def receipt(self, tx: TxHash) -> Ok[Receipt | None] | Reverted | Unknown:
        """None: in no block the node knows; that says nothing about whether it can still land."""
        answer = await self._ask("eth_getTransactionReceipt", hex_bytes(tx))
        return decoded(answer, decode_receipt_or_none, "eth_getTransactionReceipt")

    async def transactions(self, block: BlockHash) -> Ok[tuple[MinedTransaction, ...]] | Reverted | Unknown:
        """Of a block that exists; one the node does not have is Unknown, not an empty block."""
        answer = await self._ask("eth_getBlockByHash", hex_bytes(block), True)
        return decoded(answer, decode_transactions, "eth_getBlockByHash")

    async def receipts(self, block: BlockHash) -> Ok[tuple[Receipt, ...]] | Reverted | Unknown:
        """Of every transaction of one block, in its order. Unknown where a node does not serve whole blocks of them."""
        answer = await self._ask("eth_getBlockReceipts", hex_bytes(block))
        return decoded(answer, decode_receipts_of(block), "eth_getBlockReceipts")

    async def withdrawn(self, block: BlockHash, to: Address) -> Ok[Wei] | Reverted | Unknown:
        """What the block itself credited to `to`: stake that was withdrawn (EIP-4895), no transaction shows it."""
        answer = await self._ask("eth_getBlockByHash", hex_bytes(block), False)
        return decoded(answer, decode_withdrawn(to), "eth_getBlockByHash")

    async def _ask(self, method: str, *params: object) -> Ok[Any] | Unknown:
        answer = await self._rpc.request(method, params)
        if isinstance(answer, Reverted):
            return Unknown(f"{method}: the node refused: {answer.reason}")
        return answer


def block_id(block: BlockHash) -> dict[str, object]:
    """EIP-1898 block parameter: this very block, and only while it is canonical."""
    return {"blockHash": hex_bytes(block), "requireCanonical": True}


def _named(head: Head | None, block: BlockHash) -> Head | None:
    if head is not None and head.hash != block:
        raise MalformedAnswer(f"block 0x{head.hash.hex()} came, 0x{block.hex()} was asked for")
    return head


def _numbered(head: Head | None, number: int) -> Head | None:
    if head is not None and head.number != number:
        raise MalformedAnswer(f"block {head.number} came, {number} was asked for")
    return head
