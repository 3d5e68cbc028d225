"""Ethereum's JSON forms to our messages, decoded by hand: a header, a log, a receipt, a block's transactions.

Every function raises MalformedAnswer for what does not have the documented shape (execution-apis, `eth` namespace);
an absent field never becomes a zero.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from bot.core.identity import Address, BlockHash, BlockRef, TxHash
from bot.core.messages import Head, Log
from bot.core.ports import MinedTransaction, Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Wei, WeiPerGas

T = TypeVar("T")

_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}")


class MalformedAnswer(ValueError):  # noqa: N818  # what it is, not an error of ours
    """A node's answer that lacks a field, or holds one of another form. Callers make it an Unknown."""


def decoded(
    answer: Ok[Any] | Reverted | Unknown, decode: Callable[[Any], T], what: str
) -> Ok[T] | Reverted | Unknown:
    """`decode` applied to an Ok; a malformed answer is Unknown and says of `what`."""
    if not isinstance(answer, Ok):
        return answer
    try:
        return Ok(decode(answer.value))
    except MalformedAnswer as error:
        return Unknown(f"{what}: {error}")


def decode_quantity(value: object) -> int:
    """A QUANTITY: 0x and at least one hex digit, at most 256 bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise MalformedAnswer(f"{_short(value)} is not a quantity")
    return int(value, 16)


def decode_data(value: object, size: int | None = None) -> bytes:
    """DATA: 0x and whole bytes; exactly `size` of them where one is given."""
    if not isinstance(value, str) or value[:2] != "0x":
        raise MalformedAnswer(f"{_short(value)} is not data")
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise MalformedAnswer(f"{_short(value)} is not data") from None
    if len(value) != 2 + 2 * len(raw):  # fromhex skips white space
        raise MalformedAnswer(f"{_short(value)} is not data")
    if size is not None and len(raw) != size:
        raise MalformedAnswer(f"{_short(value)} has {len(raw)} bytes, expected {size}")
    return raw


def decode_head(value: object) -> Head:
    """A header as `newHeads` pushes it or a block as `eth_getBlockBy*` returns it. A chain before EIP-1559 fails."""
    block = _object(value, "header")
    return Head(
        number=decode_quantity(block.get("number")),
        hash=BlockHash(decode_data(block.get("hash"), 32)),
        parent_hash=BlockHash(decode_data(block.get("parentHash"), 32)),
        timestamp=decode_quantity(block.get("timestamp")),
        base_fee=WeiPerGas(decode_quantity(block.get("baseFeePerGas"))),
        gas_used=Gas(decode_quantity(block.get("gasUsed"))),
        gas_limit=Gas(decode_quantity(block.get("gasLimit"))),
        coinbase=Address(decode_data(block.get("miner"), 20)),
        extra_data=decode_data(block.get("extraData", "0x")),
    )


def decode_head_or_none(value: object) -> Head | None:
    """null: the node does not have the block."""
    return None if value is None else decode_head(value)


def decode_bloom(value: object) -> bytes | None:
    """The header's logsBloom, 256 bytes; None where the node leaves it out."""
    bloom = _object(value, "header").get("logsBloom")
    return None if bloom is None else decode_data(bloom, 256)


def decode_log(value: object) -> Log:
    """One log of a mined (or simulated) block. One that a node marks as removed is refused."""
    log = _object(value, "log")
    if log.get("removed"):
        raise MalformedAnswer("a log is marked as removed: its block has left the chain")
    topics = log.get("topics")
    if not isinstance(topics, list) or len(topics) > 4:
        raise MalformedAnswer(f"topics {_short(topics)} are not a list of at most four")
    return Log(
        address=Address(decode_data(log.get("address"), 20)),
        topics=tuple(decode_data(topic, 32) for topic in topics),
        data=decode_data(log.get("data")),
        log_index=decode_quantity(log.get("logIndex")),
        tx_hash=TxHash(decode_data(log.get("transactionHash"), 32)),
    )


def decode_logs(value: object) -> tuple[Log, ...]:
    """`eth_getLogs` over a range of blocks, in the node's order."""
    return tuple(decode_log(item) for item in _list(value, "logs"))


def decode_logs_of(block: BlockHash) -> Callable[[object], tuple[Log, ...]]:
    """A decoder of `eth_getLogs` for one block: logs of any other hash are refused, and so is a wrong order."""
    expected = "0x" + block.hex()

    def decode(value: object) -> tuple[Log, ...]:
        logs: list[Log] = []
        for item in _list(value, "logs"):
            found = _object(item, "log").get("blockHash")
            if found != expected and str(found).lower() != expected:
                raise MalformedAnswer(f"a log of block {_short(found)} among those asked for {expected}")
            logs.append(decode_log(item))
        if any(a.log_index >= b.log_index for a, b in pairwise(logs)):
            raise MalformedAnswer("logs are not in ascending log index")
        return tuple(logs)

    return decode


def decode_logs_of_receipts(block: BlockHash) -> Callable[[object], tuple[Log, ...]]:
    """A decoder of `eth_getBlockReceipts`: the same logs by the other way, for one block, in the same order."""
    decode_logs = decode_logs_of(block)

    def decode(value: object) -> tuple[Log, ...]:
        receipts = _list(value, "receipts")
        return decode_logs(
            [log for item in receipts for log in _list(_object(item, "receipt").get("logs"), "logs")]
        )

    return decode


def decode_receipt_or_none(value: object) -> Receipt | None:
    """null: the transaction is not in a block this node knows. A receipt without `status` (before EIP-658) fails."""
    return None if value is None else _receipt(value)


def _receipt(value: object) -> Receipt:
    receipt = _object(value, "receipt")
    status = decode_quantity(receipt.get("status"))
    if status not in (0, 1):
        raise MalformedAnswer(f"receipt status is {status}, expected 0 or 1")
    return Receipt(
        tx_hash=TxHash(decode_data(receipt.get("transactionHash"), 32)),
        block=BlockRef(
            decode_quantity(receipt.get("blockNumber")), BlockHash(decode_data(receipt.get("blockHash"), 32))
        ),
        succeeded=status == 1,
        gas_used=Gas(decode_quantity(receipt.get("gasUsed"))),
        effective_gas_price=WeiPerGas(decode_quantity(receipt.get("effectiveGasPrice"))),
        logs=tuple(decode_log(log) for log in _list(receipt.get("logs"), "logs")),
        l1_fee=_rollup_fee(receipt),
    )


def decode_receipts_of(block: BlockHash) -> Callable[[object], tuple[Receipt, ...]]:
    """A decoder of `eth_getBlockReceipts` for one block, in its order; a receipt of another block is refused."""

    def decode(value: object) -> tuple[Receipt, ...]:
        receipts = tuple(_receipt(item) for item in _list(value, "receipts"))
        strange = next((one for one in receipts if one.block.hash != block), None)
        if strange is not None:
            raise MalformedAnswer(
                f"a receipt of block 0x{strange.block.hash.hex()} among those of 0x{block.hex()}"
            )
        return receipts

    return decode


def _rollup_fee(receipt: Mapping[str, Any]) -> Wei:
    """What an OP-stack chain takes beside gas: `l1Fee`, and the operator's fee by the scalars that stand beside it.

    Operator fee: gas * scalar // 10^6 + constant since Isthmus, gas * scalar * 100 + constant since Jovian, whose
    receipts have the scalar of the data footprint as well. Without `l1Fee` (layer 1, Arbitrum, whose data is gas): 0.
    """
    if receipt.get("l1Fee") is None:
        return Wei(0)
    fee = decode_quantity(receipt.get("l1Fee"))
    if receipt.get("operatorFeeScalar") is not None:
        scaled = decode_quantity(receipt.get("gasUsed")) * decode_quantity(receipt.get("operatorFeeScalar"))
        is_jovian = receipt.get("daFootprintGasScalar") is not None
        fee += scaled * 100 if is_jovian else scaled // 10**6
        fee += decode_quantity(receipt.get("operatorFeeConstant", "0x0"))
    return Wei(fee)


def decode_withdrawn(to: Address) -> Callable[[object], Wei]:
    """Of a block's withdrawals (EIP-4895, amounts in gwei) those to one address; no list before Shanghai: 0."""

    def decode(value: object) -> Wei:
        withdrawals = _object(value, "block").get("withdrawals")
        found = [] if withdrawals is None else _list(withdrawals, "withdrawals")
        ours = [one for one in map(_withdrawal, found) if one[0] == to]
        return Wei(sum(gwei for _, gwei in ours) * 10**9)

    return decode


def _withdrawal(value: object) -> tuple[bytes, int]:
    withdrawal = _object(value, "withdrawal")
    return decode_data(withdrawal.get("address"), 20), decode_quantity(withdrawal.get("amount"))


def decode_transactions(value: object) -> tuple[MinedTransaction, ...]:
    """The transactions of a block asked for with full bodies, in block order."""
    block = _object(value, "block")
    mined = tuple(_mined(item) for item in _list(block.get("transactions"), "transactions"))
    if [one.index for one in mined] != list(range(len(mined))):
        raise MalformedAnswer("transactions are not in ascending index from 0")
    return mined


def _mined(value: object) -> MinedTransaction:
    transaction = _object(value, "transaction")
    to = transaction.get("to")
    return MinedTransaction(
        hash=TxHash(decode_data(transaction.get("hash"), 32)),
        sender=Address(decode_data(transaction.get("from"), 20)),
        to=None if to is None else Address(decode_data(to, 20)),
        nonce=decode_quantity(transaction.get("nonce")),
        index=decode_quantity(transaction.get("transactionIndex")),
        value=Wei(decode_quantity(transaction.get("value"))),
        input_size=len(decode_data(transaction.get("input"))),
    )


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{_short(value)} is not a {what}")
    return value


def _list(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise MalformedAnswer(f"{_short(value)} is not a list of {what}")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
