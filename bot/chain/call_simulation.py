"""core.ports.Simulator for a node without `eth_simulateV1`: eth_call, with the block overridden, and eth_estimateGas.

An eth_call returns no logs, so what the Executor earns is proven by two of them: the very calldata goes through, and
the same calldata that demands one unit more of minimum profit reverts with the Executor's own words for that. Between
the two nothing is left: the profit is the minimum profit. Its Transfer, to whom the Executor says it pays, is then put
together, so that whoever checks a simulation reads the same log as from a better node.

Where it is less than `eth_simulateV1`: gas used is what the gas limit must be, which is no less than what is used; the
logs are that one Transfer; nothing can be simulated behind another transaction.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.chain.reader import block_id
from bot.chain.revert_reason import revert_reason
from bot.chain.simulation import NodeSimulator, block_overrides
from bot.core.decisions import BlockEnvironment
from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_quantity
from bot.core.identity import Address, BlockRef, TxHash, hex_bytes, hex_quantity, keccak
from bot.core.messages import Log
from bot.core.pending import Behind, PendingTransaction
from bot.core.ports import JsonRpc, RpcResult, SimulatedCall
from bot.core.result import Ok, Reverted, Unknown, in_words
from bot.core.transaction import TransactionFields
from bot.core.units import UINT256_MAX, Gas, WeiPerGas
from bot.protocols.erc20 import TRANSFER_TOPIC
from bot.protocols.executor import EXECUTE_SELECTOR

_LACKS: Final = "this node has no eth_simulateV1"
PROFIT_REASON: Final = "executor: min profit"
"""How contracts/Executor.vy refuses a gain below the minimum."""
_RECIPIENT: Final = keccak(b"recipient()")[:4]
_WORD: Final = 32
_BASE_TOKEN, _MIN_PROFIT, _ARGUMENTS_END = (4 + place * _WORD for place in (1, 2, 6))
"""Where these arguments of `execute` begin in its calldata (bot/protocols/executor.py)."""
_RUNGS: Final = 16
"""Without an estimate the limit that is needed is found to this part of the given one."""
_LOWEST_RUNG: Final = 7
"""As a limit is made, no less than this many of them are needed."""

_SCRATCH: Final = Address(keccak(b"what a node can override")[12:])
_TOLD: Final = BlockEnvironment(0x7FFFFFFF, 0x7FFFFFF0, WeiPerGas(7), Gas(30_000_000), _SCRATCH)
_REPORTS_BLOCK: Final = bytes.fromhex("436000524260205241604052456060524860805260a06000f3")
"""Returns number, timestamp, coinbase, gas limit and base fee of the block it runs in."""
_WANTS_NUMBER: Final = bytes.fromhex("43637fffffff14600e57600080fd5b00")
"""Reverts in any block but number 0x7fffffff."""


class CallSimulator:
    """`overrides_estimates`: the node takes block overrides in eth_estimateGas, too.

    Where it does not, an estimate would be of the newest block, in which a pool that was just used costs less than in
    the next. Then the very call is tried with lower and lower limits, all in the one batch.
    """

    def __init__(self, rpc: JsonRpc, *, overrides_estimates: bool) -> None:
        self._rpc = rpc
        self._overrides_estimates = overrides_estimates

    async def simulate(
        self,
        transaction: TransactionFields,
        sender: Address,
        on: BlockRef,
        environment: BlockEnvironment,
        behind: Behind | None = None,
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """Reverted: the transaction's own word. Unknown: also for anything but an `execute`, whose profit has no proof.

        Raises ValueError when the environment is not of the block after `on`.
        """
        if environment.number != on.number + 1:
            raise ValueError(
                f"the environment is of block {environment.number}, on block {on.number} only the next fits"
            )
        if behind is not None:
            return Unknown(
                "this node has no eth_simulateV1: nothing can be simulated behind another transaction"
            )
        data = transaction.data
        if data[:4] != EXECUTE_SELECTOR or len(data) < _ARGUMENTS_END:
            return Unknown(
                "by eth_call alone only an Executor's `execute` can be proven, this is another call"
            )
        min_profit = int.from_bytes(data[_MIN_PROFIT : _MIN_PROFIT + _WORD], "big")
        if min_profit == UINT256_MAX:
            return Unknown("a minimum profit of 2**256 - 1 leaves no unit more to demand")
        answers = await self._rpc.batch(self._calls(transaction, sender, on, environment, min_profit))
        try:
            return self._outcome(transaction, min_profit, answers)
        except MalformedAnswer as error:
            return Unknown(f"eth_call: {error}")

    async def run_pending(
        self, pending: PendingTransaction, on: BlockRef, environment: BlockEnvironment
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """Unknown, always: an eth_call has no logs to tell what somebody else's transaction does."""
        del pending, on, environment
        return Unknown(f"{_LACKS}: what a pending transaction does cannot be known")

    def _calls(
        self,
        transaction: TransactionFields,
        sender: Address,
        on: BlockRef,
        environment: BlockEnvironment,
        min_profit: int,
    ) -> list[tuple[str, Sequence[object]]]:
        where, told = block_id(on.hash), block_overrides(environment)
        asks_more = _with_word(transaction, _MIN_PROFIT, min_profit + 1)
        recipient = {"to": hex_bytes(transaction.to), "input": hex_bytes(_RECIPIENT)}
        return [
            ("eth_call", (_call(transaction, sender), where, {}, told)),
            ("eth_call", (_call(asks_more, sender), where, {}, told)),
            ("eth_call", (recipient, where)),
            *self._gas_calls(transaction, sender, where, told),
        ]

    def _gas_calls(
        self, transaction: TransactionFields, sender: Address, where: object, told: object
    ) -> list[tuple[str, Sequence[object]]]:
        if self._overrides_estimates:
            return [("eth_estimateGas", (_call(transaction, sender), where, {}, told))]
        lower = [msgspec.structs.replace(transaction, gas_limit=limit) for limit in _rungs(transaction)]
        return [("eth_call", (_call(one, sender), where, {}, told)) for one in lower]

    def _gas_needed(self, transaction: TransactionFields, answers: Sequence[RpcResult]) -> Ok[Gas] | Unknown:
        if self._overrides_estimates:
            [estimate] = answers
            if not isinstance(estimate, Ok):
                return Unknown(f"eth_estimateGas: {in_words(estimate)}")
            return Ok(Gas(decode_quantity(estimate.value)))
        needed = transaction.gas_limit
        for limit, answer in zip(_rungs(transaction), answers, strict=True):
            if not isinstance(answer, Ok):
                break
            needed = limit
        return Ok(needed)

    def _outcome(
        self, transaction: TransactionFields, min_profit: int, answers: Sequence[RpcResult]
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        through, asks_more, recipient, *of_gas = answers
        if not isinstance(through, Ok):
            return _not_through(through)
        decode_data(through.value)
        if isinstance(asks_more, Ok):
            return Unknown(
                f"the profit is more than the {min_profit} demanded, and not known: no log tells of it"
            )
        refused = _not_through(asks_more)
        if not isinstance(refused, Reverted) or refused.reason != PROFIT_REASON:
            return Unknown(
                f"one unit of profit more was not refused as {PROFIT_REASON!r}: {in_words(refused)}"
            )
        if not isinstance(recipient, Ok):
            return Unknown(f"the Executor's recipient: {in_words(recipient)}")
        gas = self._gas_needed(transaction, of_gas)
        if not isinstance(gas, Ok):
            return gas
        payee = decode_data(recipient.value, _WORD)
        return Ok(SimulatedCall(gas.value, (_profit_transfer(transaction, payee, min_profit),)))


async def simulator_for(rpc: JsonRpc) -> tuple[NodeSimulator | CallSimulator, str]:
    """How this node simulates, found out by asking it, and in words what that means; to be said at the start.

    A node that does not answer is taken for one that has `eth_simulateV1`: one that has not makes every simulation
    Unknown, and nothing is sent.
    """
    answer = await rpc.request("eth_simulateV1", [{"blockStateCalls": [{"calls": []}]}, "latest"])
    if isinstance(answer, Ok):
        return NodeSimulator(rpc), "eth_simulateV1: gas, logs and profit of the very transaction"
    if isinstance(answer, Unknown):
        return NodeSimulator(rpc), f"eth_simulateV1 is assumed, the node did not say: {answer.cause}"
    lacks = f"the node has no eth_simulateV1 ({answer.reason})"
    if not await _overrides_calls(rpc):
        nothing = "no simulation is possible and nothing will be sent: use a node that has one of them"
        return NodeSimulator(rpc), f"{lacks} and no block overrides in eth_call: {nothing}"
    overrides_estimates = await _overrides_estimates(rpc)
    of_gas = (
        "eth_estimateGas"
        if overrides_estimates
        else f"trying limits by {_RUNGS}ths, as eth_estimateGas takes none"
    )
    how = f"profit is proven by two eth_call with block overrides, gas by {of_gas}; no back-runs"
    return CallSimulator(rpc, overrides_estimates=overrides_estimates), f"{lacks}: {how}"


async def _overrides_calls(rpc: JsonRpc) -> bool:
    answer = await rpc.request("eth_call", _placed(_REPORTS_BLOCK))
    wanted = (_TOLD.number, _TOLD.timestamp, int.from_bytes(_SCRATCH, "big"), _TOLD.gas_limit, _TOLD.base_fee)
    expected = b"".join(value.to_bytes(_WORD, "big") for value in wanted)
    return isinstance(answer, Ok) and answer.value == hex_bytes(expected)


async def _overrides_estimates(rpc: JsonRpc) -> bool:
    return isinstance(await rpc.request("eth_estimateGas", _placed(_WANTS_NUMBER)), Ok)


def _placed(code: bytes) -> list[object]:
    """A call of code that is put in place for it, in a block that is like none."""
    scratch = hex_bytes(_SCRATCH)
    return [{"to": scratch}, "latest", {scratch: {"code": hex_bytes(code)}}, block_overrides(_TOLD)]


def _call(transaction: TransactionFields, sender: Address) -> dict[str, object]:
    """Without the nonce: eth_call looks at none, and preflight has."""
    return {
        "from": hex_bytes(sender),
        "to": hex_bytes(transaction.to),
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


def _rungs(transaction: TransactionFields) -> list[Gas]:
    """Limits below the given one, highest first."""
    return [Gas(transaction.gas_limit * part // _RUNGS) for part in range(_RUNGS - 1, _LOWEST_RUNG - 1, -1)]


def _with_word(transaction: TransactionFields, start: int, value: int) -> TransactionFields:
    data = transaction.data
    changed = data[:start] + value.to_bytes(_WORD, "big") + data[start + _WORD :]
    return msgspec.structs.replace(transaction, data=changed)


def _not_through(answer: Reverted | Unknown) -> Reverted | Unknown:
    """A node that refused to run the call has reverted nothing."""
    if isinstance(answer, Unknown):
        return answer
    if answer.data or "revert" in answer.reason.lower():
        return Reverted(revert_reason(answer.data) if answer.data else answer.reason, answer.data)
    return Unknown(f"eth_call: {answer.reason}")


def _profit_transfer(transaction: TransactionFields, payee: bytes, amount: int) -> Log:
    return Log(
        address=Address(transaction.data[_BASE_TOKEN + 12 : _BASE_TOKEN + _WORD]),
        topics=(TRANSFER_TOPIC, bytes(12) + transaction.to, payee),
        data=amount.to_bytes(_WORD, "big"),
        log_index=0,
        tx_hash=TxHash(bytes(_WORD)),
    )
