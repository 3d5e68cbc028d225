"""core.ports.Simulator by `eth_simulateV1` (execution-apis): one transaction in the next block, alone or behind another.

The node's validation is asked for but not relied on: anvil 1.7.1 passes a wrong nonce, a fee under the base fee and
its own base fee, so the block is overridden field by field and the caller checks nonce, fee, balance, intrinsic gas of
ours. Nonce and fee of a transaction that goes before are checked here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bot.chain.reader import block_id
from bot.chain.revert_reason import revert_reason
from bot.core.decisions import BlockEnvironment
from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_log, decode_quantity, decoded
from bot.core.identity import Address, BlockRef, hex_bytes, hex_quantity
from bot.core.pending import ANOTHER_COMES_FIRST, Behind, PendingTransaction, StorageOverride
from bot.core.ports import JsonRpc, RpcResult, SimulatedCall
from bot.core.result import Ok, Reverted, Unknown, in_words
from bot.core.transaction import AccessList, TransactionFields
from bot.core.units import Gas

_METHOD: Final = "eth_simulateV1"
_LEGACY, _BLOB, _SET_CODE = 0, 3, 4
_PRICED = (0, 1)
"""Types with a gas price."""


class NodeSimulator:
    """Of the node behind `rpc`. A parent that is no longer canonical is Unknown: nothing was simulated."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    async def simulate(
        self,
        transaction: TransactionFields,
        sender: Address,
        on: BlockRef,
        environment: BlockEnvironment,
        behind: Behind | None = None,
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """Reverted: the call reverted (its decoded reason, its data). Unknown: also when the node refused to run it.

        Gas used is the transaction's whole, intrinsic gas and refunds counted. With `behind` the answer is of ours
        alone, run right after that transaction or, where that one is hidden, on the storage it will leave; it is
        Unknown where that one cannot be run or fails. Raises ValueError when the environment is not of the block
        after `on`.
        """
        _expect_next(environment, on)
        ours = _call(transaction, sender)
        if behind is None:
            return _only_call(await self._run([ours], on, environment))
        if behind.transaction is None:
            if not behind.stand_in:
                return Unknown("what goes before it is hidden, and nothing stands in for it")
            return _only_call(await self._run([ours], on, environment, behind.stand_in))
        ran = await self._run_behind(behind.transaction, [ours], on, environment)
        if not isinstance(ran, Ok):
            return ran
        before, answer = ran.value
        return _failed_before(before) if not isinstance(before, Ok) else answer

    async def run_pending(
        self, pending: PendingTransaction, on: BlockRef, environment: BlockEnvironment
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """What somebody else's transaction would do as the first of the next block: gas and logs, in order.

        Reverted: it would be mined and fail. Unknown: also where it could not be in that block (another nonce comes
        first, it pays less than the base fee), and for a blob transaction, whose blobs nobody has here. Raises
        ValueError as `simulate`.
        """
        _expect_next(environment, on)
        ran = await self._run_behind(pending, [], on, environment)
        return ran.value[0] if isinstance(ran, Ok) else ran

    async def _run_behind(
        self,
        pending: PendingTransaction,
        ours: Sequence[Mapping[str, object]],
        on: BlockRef,
        environment: BlockEnvironment,
    ) -> Ok[list[Ok[SimulatedCall] | Reverted]] | Unknown:
        """Theirs, then ours, in one block, and the nonce of theirs at `on`, in one batch."""
        why_not = _cannot_be_next(pending, environment)
        if why_not is not None:
            return Unknown(why_not)
        calls = [_pending_call(pending), *ours]
        count, answer = await self._rpc.batch(
            [
                ("eth_getTransactionCount", [hex_bytes(pending.sender), block_id(on.hash)]),
                (_METHOD, [_payload(calls, environment), block_id(on.hash)]),
            ]
        )
        known = decoded(count, decode_quantity, "eth_getTransactionCount")
        if not isinstance(known, Ok):
            return Unknown(f"the nonce of what goes before it: {in_words(known)}")
        if known.value != pending.nonce:
            return Unknown(f"{ANOTHER_COMES_FIRST}: nonce {pending.nonce}, its sender is at {known.value}")
        return _answered(answer, environment, len(calls))

    async def _run(
        self,
        calls: Sequence[Mapping[str, object]],
        on: BlockRef,
        environment: BlockEnvironment,
        stand_in: Iterable[StorageOverride] = (),
    ) -> Ok[list[Ok[SimulatedCall] | Reverted]] | Unknown:
        payload = _payload(calls, environment, stand_in)
        answer = await self._rpc.request(_METHOD, [payload, block_id(on.hash)])
        return _answered(answer, environment, len(calls))


def _expect_next(environment: BlockEnvironment, on: BlockRef) -> None:
    if environment.number != on.number + 1:
        raise ValueError(
            f"the environment is of block {environment.number}, on block {on.number} only the next fits"
        )


def _cannot_be_next(pending: PendingTransaction, environment: BlockEnvironment) -> str | None:
    if pending.type == _BLOB:
        return "what goes before it carries blobs, which a simulation has not"
    if pending.max_fee_per_gas < environment.base_fee:
        return f"what goes before it pays {pending.max_fee_per_gas} per gas, the base fee is {environment.base_fee}"
    return None


def _failed_before(failure: Reverted) -> Unknown:
    return Unknown(f"what goes before it fails: {failure.reason}")


def _payload(
    calls: Sequence[Mapping[str, object]],
    environment: BlockEnvironment,
    stand_in: Iterable[StorageOverride] = (),
) -> dict[str, object]:
    block: dict[str, object] = {"blockOverrides": block_overrides(environment), "calls": list(calls)}
    overrides = state_overrides(stand_in)
    if overrides:
        block["stateOverrides"] = overrides
    return {"blockStateCalls": [block], "validation": True, "traceTransfers": False}


def state_overrides(words: Iterable[StorageOverride]) -> dict[str, dict[str, dict[str, str]]]:
    """As eth_simulateV1 and eth_call take them: single words of storage, the rest stays."""
    overrides: dict[str, dict[str, dict[str, str]]] = {}
    for word in words:
        account = overrides.setdefault(hex_bytes(word.account), {"stateDiff": {}})
        account["stateDiff"][hex_bytes(word.slot)] = hex_bytes(word.value)
    return overrides


def block_overrides(environment: BlockEnvironment) -> dict[str, object]:
    """As eth_simulateV1 and eth_call take them: every field that the node would choose itself."""
    return {
        "number": hex_quantity(environment.number),
        "time": hex_quantity(environment.timestamp),
        "gasLimit": hex_quantity(environment.gas_limit),
        "feeRecipient": hex_bytes(environment.coinbase),
        "baseFeePerGas": hex_quantity(environment.base_fee),
    }


def _call(transaction: TransactionFields, sender: Address) -> dict[str, object]:
    return {
        "type": "0x2",
        "from": hex_bytes(sender),
        "to": hex_bytes(transaction.to),
        "chainId": hex_quantity(transaction.chain_id),
        "nonce": hex_quantity(transaction.nonce),
        "gas": hex_quantity(transaction.gas_limit),
        "maxFeePerGas": hex_quantity(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": hex_quantity(transaction.max_priority_fee_per_gas),
        "value": hex_quantity(transaction.value),
        "input": hex_bytes(transaction.data),
        "accessList": _access_list(transaction.access_list),
    }


def _pending_call(pending: PendingTransaction) -> dict[str, object]:
    """All its fields, by its type."""
    call: dict[str, object] = {
        "type": hex_quantity(pending.type),
        "from": hex_bytes(pending.sender),
        "nonce": hex_quantity(pending.nonce),
        "gas": hex_quantity(pending.gas_limit),
        "value": hex_quantity(pending.value),
        "input": hex_bytes(pending.data),
    }
    if pending.to is not None:
        call["to"] = hex_bytes(pending.to)
    if pending.type in _PRICED:
        call["gasPrice"] = hex_quantity(pending.max_fee_per_gas)
    else:
        call["maxFeePerGas"] = hex_quantity(pending.max_fee_per_gas)
        call["maxPriorityFeePerGas"] = hex_quantity(pending.max_priority_fee_per_gas)
    if pending.type != _LEGACY:
        call["accessList"] = _access_list(pending.access_list)
    if pending.type == _SET_CODE:
        call["authorizationList"] = [
            {
                "chainId": hex_quantity(one.chain_id),
                "address": hex_bytes(one.address),
                "nonce": hex_quantity(one.nonce),
                "yParity": hex_quantity(one.y_parity),
                "r": hex_quantity(one.r),
                "s": hex_quantity(one.s),
            }
            for one in pending.authorizations
        ]
    return call


def _access_list(entries: AccessList) -> list[dict[str, object]]:
    return [
        {"address": hex_bytes(address), "storageKeys": [hex_bytes(slot) for slot in slots]}
        for address, slots in entries
    ]


def _only_call(
    ran: Ok[list[Ok[SimulatedCall] | Reverted]] | Unknown,
) -> Ok[SimulatedCall] | Reverted | Unknown:
    return ran.value[0] if isinstance(ran, Ok) else ran


def _answered(
    answer: RpcResult, environment: BlockEnvironment, count: int
) -> Ok[list[Ok[SimulatedCall] | Reverted]] | Unknown:
    if isinstance(answer, Reverted):
        if answer.data and count == 1:
            return Ok([answer])
        # The node refused the request (method unknown, block gone, a check failed): nothing was run.
        return Unknown(f"{_METHOD}: {answer.reason}")
    if not isinstance(answer, Ok):
        return answer
    try:
        return Ok(_outcomes(answer.value, environment, count))
    except MalformedAnswer as error:
        return Unknown(f"{_METHOD}: {error}")


def _outcomes(
    answer: object, environment: BlockEnvironment, count: int
) -> list[Ok[SimulatedCall] | Reverted]:
    block = _only(answer, "block")
    expect_environment(block, environment)
    calls = block.get("calls")
    if not isinstance(calls, list) or len(calls) != count or not all(isinstance(one, dict) for one in calls):
        raise MalformedAnswer(f"expected exactly {count} calls, got {str(calls)[:80]}")
    return [_outcome(call) for call in calls]


def _outcome(call: Mapping[str, Any]) -> Ok[SimulatedCall] | Reverted:
    status = decode_quantity(call.get("status"))
    if status == 1:
        logs = call.get("logs")
        if not isinstance(logs, list):
            raise MalformedAnswer("the call has no list of logs")
        gas_used = Gas(decode_quantity(call.get("gasUsed")))
        return Ok(SimulatedCall(gas_used=gas_used, logs=tuple(decode_log(log) for log in logs)))
    if status != 0:
        raise MalformedAnswer(f"call status is {status}, expected 0 or 1")
    return _revert(call)


def _revert(call: Mapping[str, Any]) -> Reverted:
    """The data is in the error (geth) or in returnData (anvil); a halt (out of gas) has a message alone."""
    error = call.get("error")
    error = error if isinstance(error, dict) else {}
    data = decode_data(error.get("data") or call.get("returnData") or "0x")
    message = str(error.get("message") or "")
    if data or "revert" in message.lower() or not message:
        return Reverted(revert_reason(data), data)
    return Reverted(message)


def expect_environment(block: Mapping[str, Any], environment: BlockEnvironment) -> None:
    """A node that ignored an override simulated some other block. Raises MalformedAnswer."""
    wanted = {
        "number": environment.number,
        "timestamp": environment.timestamp,
        "baseFeePerGas": environment.base_fee,
        "gasLimit": environment.gas_limit,
        "miner": int.from_bytes(environment.coinbase, "big"),
    }
    for field, value in wanted.items():
        found = decode_quantity(block.get(field))
        if found != value:
            raise MalformedAnswer(f"the node simulated with {field} {found}, asked for was {value}")


def _only(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise MalformedAnswer(f"expected exactly one {what}, got {str(value)[:80]}")
    return value[0]
