"""What a transaction touches, by a node's `eth_createAccessList` (execution-apis), and what of it is worth listing."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.chain.reader import block_id
from bot.core.ethereum_json import MalformedAnswer, decode_data
from bot.core.identity import Address, BlockRef, hex_bytes, hex_quantity
from bot.core.ports import JsonRpc
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import AccessList, TransactionFields
from bot.core.units import Gas
from bot.costs.access_list import Listing, entries_that_pay, warm_from_the_start
from bot.costs.gas_schedule import GasSchedule
from bot.protocols.executor import EXECUTE_SELECTOR

_METHOD: Final = "eth_createAccessList"
_FIRST_BLOCK: Final = slice(4 + 4 * 32, 4 + 5 * 32)
"""Of `execute`'s calldata (bot/protocols/executor.py)."""


async def listing_that_pays(
    rpc: JsonRpc,
    transaction: TransactionFields,
    sender: Address,
    on: BlockRef,
    coinbase: Address,
    schedule: GasSchedule,
) -> Ok[Listing] | Reverted | Unknown:
    """The entries to give the transaction, empty where none pays; `coinbase` is the builder that is reckoned with.

    Where no entry can pay under the schedule the node is not asked. Any change of the list is a change of the
    transaction: it is simulated again, with the list.
    """
    if not _any_can_pay(schedule):
        return Ok(Listing((), Gas(0)))
    touched = await created_access_list(rpc, transaction, sender, on)
    if not isinstance(touched, Ok):
        return touched
    warm = warm_from_the_start(sender, transaction.to, coinbase)
    return Ok(entries_that_pay(touched.value, warm, schedule))


async def created_access_list(
    rpc: JsonRpc, transaction: TransactionFields, sender: Address, on: BlockRef
) -> Ok[AccessList] | Reverted | Unknown:
    """Accounts and slots that the call touches on top of block `on`; Reverted with the node's reason.

    Nodes run it in block `on` itself: the window of an `execute` is opened for that block.
    """
    answer = await rpc.request(_METHOD, [_call(_opened(transaction, on), sender), block_id(on.hash)])
    if isinstance(answer, Reverted) and not (answer.data or "revert" in answer.reason.lower()):
        return Unknown(f"{_METHOD}: {answer.reason}")
    if not isinstance(answer, Ok):
        return answer
    try:
        return _entries(answer.value)
    except MalformedAnswer as error:
        return Unknown(f"{_METHOD}: {error}")


def _any_can_pay(schedule: GasSchedule) -> bool:
    many = tuple(number.to_bytes(32, "big") for number in range(64))
    return bool(entries_that_pay(((Address(b"\xff" * 20), many),), frozenset(), schedule).entries)


def _opened(transaction: TransactionFields, on: BlockRef) -> TransactionFields:
    data = transaction.data
    if data[:4] != EXECUTE_SELECTOR:
        return transaction
    window = on.number.to_bytes(32, "big")
    return msgspec.structs.replace(
        transaction, data=data[: _FIRST_BLOCK.start] + window + data[_FIRST_BLOCK.stop :]
    )


def _call(transaction: TransactionFields, sender: Address) -> dict[str, object]:
    """Without a fee: a block's own base fee may lie above what the next one's needs."""
    return {
        "from": hex_bytes(sender),
        "to": hex_bytes(transaction.to),
        "gas": hex_quantity(transaction.gas_limit),
        "value": hex_quantity(transaction.value),
        "input": hex_bytes(transaction.data),
    }


def _entries(value: object) -> Ok[AccessList] | Reverted:
    answer = _object(value)
    if answer.get("error"):
        return Reverted(str(answer["error"]))
    listed = answer.get("accessList")
    if not isinstance(listed, list):
        raise MalformedAnswer("no accessList")
    entries: list[tuple[Address, tuple[bytes, ...]]] = []
    for item in map(_object, listed):
        keys = item.get("storageKeys")
        if not isinstance(keys, list):
            raise MalformedAnswer("an entry has no storageKeys")
        slots = tuple(decode_data(key, 32) for key in keys)
        entries.append((Address(decode_data(item.get("address"), 20)), slots))
    return Ok(tuple(entries))


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{str(value)[:80]} is not an object")
    return value
