"""Carries out a token's probe on the node: `eth_simulateV1` over two blocks a day apart, one transaction a step.

The probe's code is put at our own address and at a stranger's by state override, and ether with it; nothing of it
stays. Both blocks and the transactions look like real ones: a builder, a base fee, a gas price that is paid.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from bot.chain.reader import block_id
from bot.chain.revert_reason import revert_reason
from bot.chain.simulation import expect_environment
from bot.core.decisions import BlockEnvironment
from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_quantity
from bot.core.identity import Address, hex_bytes, hex_quantity, keccak
from bot.core.messages import Head
from bot.core.ports import JsonRpc
from bot.core.result import Ok, Reverted, Unknown
from bot.costs.base_fee import next_base_fee
from bot.state.token_probes import STEPS_VERSION, Parties, ProbePlan, Step, StepAnswer

STEP_GAS: Final = 3_000_000
"""Ten times what an ordinary step takes; a token that burns more is not worth trading. Nodes cap a request at 50 M."""
DAY_S: Final = 86_400
BLOCKS_LATER: Final = 240
"""Number of the second block over the newest. geth makes the blocks between and allows 256; a day has 7,200."""
FUNDS: Final = 10**22
"""Wei that pay the steps' gas, for either sender."""
TIP: Final = 10**9
"""Wei a gas."""
ATTEMPTS: Final = 2

_METHOD: Final = "eth_simulateV1"


def probe_code() -> bytes:
    """Runtime code of contracts/TokenProbe.vy, kept beside this file: an engine has no compiler."""
    return bytes.fromhex((Path(__file__).parent / "token_probe.hex").read_text())


def own_parties(executor: Address | None, wallet: Address | None) -> Parties:
    """The Executor called by the wallet; in observe, where there is neither, two addresses nobody has heard of."""
    return Parties(
        ours=executor or _nobody(b"ours"),
        sender=wallet or _nobody(b"sender"),
        stranger=_nobody(b"stranger"),
        outsider=_nobody(b"outsider"),
    )


class TokenProber:
    """Of the node behind `rpc`. Everything is read and simulated on one block, which must be canonical."""

    def __init__(self, rpc: JsonRpc, parties: Parties, slot_s: int) -> None:
        self._rpc = rpc
        self._slot_s = slot_s
        self.parties = parties
        self._code = hex_bytes(probe_code())

    @property
    def fingerprint(self) -> bytes:
        """32 bytes of whatever a verdict depends on besides the chain: the probe's code, its steps, who we are."""
        parties = self.parties
        return keccak(self._code.encode() + b"%d" % STEPS_VERSION + parties.ours + parties.sender)

    async def probe(self, plan: ProbePlan, on: Head) -> tuple[StepAnswer, ...] | Unknown:
        """One answer a step. Unknown: the node did not simulate it, or something else than was asked for."""
        answer: Ok[Any] | Reverted | Unknown = Unknown("not asked")
        for _ in range(ATTEMPTS):
            answer = await self._rpc.request(_METHOD, [self._payload(plan, on), block_id(on.hash)])
            if not isinstance(answer, Unknown):
                break
        if isinstance(answer, Reverted):
            return Unknown(f"{_METHOD}: the node refused: {answer.reason}")
        if isinstance(answer, Unknown):
            return Unknown(f"{_METHOD}: {answer.cause}")
        try:
            return _answers(answer.value, plan, self._blocks(on))
        except MalformedAnswer as error:
            return Unknown(f"{_METHOD}: {error}")

    def _payload(self, plan: ProbePlan, on: Head) -> dict[str, object]:
        today, later = self._blocks(on)
        placed = {
            hex_bytes(self.parties.ours): {"code": self._code, "balance": hex_quantity(2 * plan.ether)},
            hex_bytes(self.parties.stranger): {"code": self._code},
            hex_bytes(self.parties.sender): {"balance": hex_quantity(FUNDS)},
            hex_bytes(self.parties.outsider): {"balance": hex_quantity(FUNDS)},
        }
        return {
            "blockStateCalls": [
                {
                    "blockOverrides": _overrides(today, on),
                    "stateOverrides": placed,
                    "calls": [_call(step, today) for step in plan.today],
                },
                {
                    "blockOverrides": _overrides(later, on),
                    "calls": [_call(step, later) for step in plan.a_day_later],
                },
            ],
            "validation": False,
            "traceTransfers": False,
        }

    def _blocks(self, on: Head) -> tuple[BlockEnvironment, BlockEnvironment]:
        """The two simulated ones: the next, as a plan is simulated in, and one a day after it."""
        today = BlockEnvironment(
            number=on.number + 1,
            timestamp=on.timestamp + self._slot_s,
            base_fee=next_base_fee(on),
            gas_limit=on.gas_limit,
            coinbase=on.coinbase if any(on.coinbase) else _nobody(b"builder"),
        )
        later = msgspec.structs.replace(
            today, number=on.number + BLOCKS_LATER, timestamp=today.timestamp + DAY_S
        )
        return today, later


def _overrides(block: BlockEnvironment, on: Head) -> dict[str, object]:
    return {
        "number": hex_quantity(block.number),
        "time": hex_quantity(block.timestamp),
        "gasLimit": hex_quantity(block.gas_limit),
        "feeRecipient": hex_bytes(block.coinbase),
        "baseFeePerGas": hex_quantity(block.base_fee),
        # As hard to foresee as a real one, and never nothing. Not checked: a node need not put it into its answer.
        "prevRandao": hex_bytes(keccak(on.hash + block.number.to_bytes(8, "big"))),
    }


def _call(step: Step, block: BlockEnvironment) -> dict[str, object]:
    return {
        "from": hex_bytes(step.sender),
        "to": hex_bytes(step.to),
        "gas": hex_quantity(STEP_GAS),
        "maxFeePerGas": hex_quantity(block.base_fee + TIP),
        "maxPriorityFeePerGas": hex_quantity(TIP),
        "input": hex_bytes(step.data),
    }


def _answers(
    blocks: object, plan: ProbePlan, wanted: tuple[BlockEnvironment, BlockEnvironment]
) -> tuple[StepAnswer, ...]:
    """Of the first block and the last: a node may tell of the empty ones between as well."""
    if not isinstance(blocks, list) or len(blocks) < len(wanted):
        raise MalformedAnswer(f"expected two blocks, got {str(blocks)[:80]}")
    answers: list[StepAnswer] = []
    ends = (blocks[0], blocks[-1])
    for block, steps, environment in zip(ends, (plan.today, plan.a_day_later), wanted, strict=True):
        calls = block.get("calls") if isinstance(block, dict) else None
        if not isinstance(calls, list) or len(calls) != len(steps):
            raise MalformedAnswer(f"a block of the simulation lacks its {len(steps)} calls")
        expect_environment(block, environment)
        answers += [_answer(call) for call in calls]
    return tuple(answers)


def _answer(call: object) -> StepAnswer:
    if not isinstance(call, dict):
        raise MalformedAnswer(f"expected a call, got {str(call)[:80]}")
    said = call.get("error")
    error: dict[str, Any] = said if isinstance(said, dict) else {}
    data = decode_data(error.get("data") or call.get("returnData") or "0x")
    if decode_quantity(call.get("status")) == 1:
        return Ok(data)
    message = str(error.get("message") or "")
    return Reverted(revert_reason(data) if data or not message else message, data)


def _nobody(name: bytes) -> Address:
    return Address(keccak(b"token probe: " + name)[12:])
