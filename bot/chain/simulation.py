"""core.ports.Simulator by `eth_simulateV1` (execution-apis): one transaction as the only one of the next block.

The node's validation is asked for but not relied on: anvil 1.7.1 passes a wrong nonce, a fee under the base fee and
its own base fee, so the block is overridden field by field and the caller checks nonce, fee, balance, intrinsic gas.
"""

from collections.abc import Mapping
from typing import Any, Final

from bot.chain.reader import block_id
from bot.chain.revert_reason import revert_reason
from bot.core.decisions import BlockEnvironment
from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_log, decode_quantity
from bot.core.identity import Address, BlockRef, hex_bytes, hex_quantity
from bot.core.pending import Behind
from bot.core.ports import JsonRpc, SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import TransactionFields
from bot.core.units import Gas

_METHOD: Final = "eth_simulateV1"


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

        Gas used is the transaction's whole, intrinsic gas and refunds counted. Raises ValueError when the
        environment is not of the block after `on`.
        """
        if environment.number != on.number + 1:
            raise ValueError(
                f"the environment is of block {environment.number}, on block {on.number} only the next fits"
            )
        if behind is not None:
            return Unknown("what goes before it cannot be simulated yet")
        answer = await self._rpc.request(
            _METHOD, [_payload(transaction, sender, environment), block_id(on.hash)]
        )
        if isinstance(answer, Reverted) and not answer.data:
            # The node refused the request (method unknown, block gone): nothing was run, so nothing reverted.
            return Unknown(f"{_METHOD}: {answer.reason}")
        if not isinstance(answer, Ok):
            return answer
        try:
            return _outcome(answer.value, environment)
        except MalformedAnswer as error:
            return Unknown(f"{_METHOD}: {error}")


def _payload(
    transaction: TransactionFields, sender: Address, environment: BlockEnvironment
) -> dict[str, object]:
    return {
        "blockStateCalls": [
            {"blockOverrides": _overrides(environment), "calls": [_call(transaction, sender)]}
        ],
        "validation": True,
        "traceTransfers": False,
    }


def _overrides(environment: BlockEnvironment) -> dict[str, object]:
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
        "accessList": [
            {"address": hex_bytes(address), "storageKeys": [hex_bytes(slot) for slot in slots]}
            for address, slots in transaction.access_list
        ],
    }


def _outcome(answer: object, environment: BlockEnvironment) -> Ok[SimulatedCall] | Reverted:
    block = _only(answer, "block")
    expect_environment(block, environment)
    call = _only(block.get("calls"), "call")
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
