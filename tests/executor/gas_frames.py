"""What a contract costs beside the pools and tokens it calls, in two ways: by the steps of a trace, and by its frames."""

from collections import Counter
from itertools import pairwise
from typing import Any

from executor_chain import Chain

BUILDER = "0x" + "bb" * 20
INTRINSIC = 21_000


def calldata_gas(data: bytes) -> int:
    return sum(16 if byte else 4 for byte in data)


def overhead(chain: Chain, sender: str, contract: str, data: bytes) -> int:
    """Receipt gas - 21,000 - calldata gas - the frames of others in callTracer, net of their callbacks.

    The receipt is after refunds, the frames before; where a refund is due, this says less than `own_gas`.
    """
    fields = {"from": sender, "to": contract, "data": "0x" + data.hex(), "gas": hex(8_000_000)}
    trace = chain.rpc("debug_traceCall", fields, "latest", {"tracer": "callTracer"})
    snapshot = chain.rpc("evm_snapshot")
    used = int(chain.send(sender, contract, data)["gasUsed"], 16)
    chain.rpc("evm_revert", snapshot)
    return used - INTRINSIC - calldata_gas(data) - others(trace, contract)


def others(frame: dict[str, Any], contract: str) -> int:
    """Gas of the frames below `frame`, and of itself, that are not the contract's."""
    inner = frame.get("calls", [])
    if frame["to"].lower() == contract.lower():
        return sum(others(call, contract) for call in inner)
    return int(frame["gasUsed"], 16) - sum(_of_contract(call, contract) for call in inner)


def _of_contract(frame: dict[str, Any], contract: str) -> int:
    inner = frame.get("calls", [])
    if frame["to"].lower() != contract.lower():
        return sum(_of_contract(call, contract) for call in inner)
    return int(frame["gasUsed"], 16) - sum(others(call, contract) for call in inner)


def own_gas(chain: Chain, executor: str, fields: dict[str, Any]) -> tuple[Counter[str], int]:
    """Gas of the Executor's own instructions by name, without what it calls; and the gas the transaction used."""
    trace = chain.rpc("debug_traceCall", fields, "latest", {"disableStorage": True})
    spent: Counter[str] = Counter()
    at = {1: executor[2:].lower()}
    open_calls: dict[int, tuple[str, int, int]] = {}
    for step, following in pairwise(trace["structLogs"]):
        depth, after = step["depth"], following["depth"]
        ours = at[depth] == executor[2:].lower()
        if after > depth:  # a call: settled when it returns
            at[after] = step["stack"][-2][2:].rjust(40, "0")[-40:]
            open_calls[depth] = (step["op"], step["gas"], following["gas"])
        elif after < depth:
            op, before, given = open_calls.pop(after)
            called = given - (step["gas"] - step["gasCost"])
            if at[after] == executor[2:].lower():
                spent[op] += before - following["gas"] - called
            if ours:
                spent[step["op"]] += step["gasCost"]
        elif ours:
            spent[step["op"]] += step["gas"] - following["gas"]
    return spent, int(trace["gas"])
