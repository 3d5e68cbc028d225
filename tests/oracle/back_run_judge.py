"""Whether back-runs stand where they may: right behind their swap, in its block, and without changing how it runs.

Read from the builder's log and the chain, without the bot. How a swap would have run without us is what the node
makes of its block's transactions up to the swap, ours left out: those of our other bundles as well.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.node import Node, number, quantity

_CALL_FIELDS = ("from", "to", "nonce", "gas", "value", "input", "accessList")


@dataclass(frozen=True)
class BackRun:
    """One bundle of ours that landed with somebody else's transaction in it."""

    number: int
    theirs: str
    ours: str
    origin: str
    """Of theirs: `public` or `private`."""
    faults: tuple[str, ...]
    """Empty where all is as it must be."""


def judge_back_runs(node: Node, run_dir: Path, ours: Collection[str]) -> list[BackRun]:
    """Every landed back-run of the senders `ours` (0x-hex) on the canonical chain, in order.

    `node` must answer eth_simulateV1 on the blocks in question.
    """
    senders = {sender.lower() for sender in ours}
    return [
        run
        for line in (run_dir / "builder.jsonl").read_text().splitlines()
        for run in _of_block(node, json.loads(line), senders)
    ]


def _of_block(node: Node, story: dict[str, Any], ours: set[str]) -> Iterator[BackRun]:
    mixed = [
        bundle
        for bundle in story["bundles"]
        if bundle["fate"] == "included" and {"public", "private"} & set(bundle["came_from"])
    ]
    if not mixed:
        return
    block = node.call("eth_getBlockByNumber", quantity(story["number"]), True)
    if block is None or block["hash"] != story["hash"]:
        return
    senders = {tx["hash"]: tx["from"].lower() for tx in block["transactions"]}
    for bundle in mixed:
        our = [tx for tx in bundle["transactions"] if senders.get(tx) in ours]
        their = [
            (tx, origin)
            for tx, origin in zip(bundle["transactions"], bundle["came_from"], strict=True)
            if senders.get(tx) not in ours
        ]
        if our and their:
            yield _judged(node, block, ours, our, their)


def _judged(
    node: Node, block: dict[str, Any], ours: set[str], our: list[str], their: list[tuple[str, str]]
) -> BackRun:
    order = [tx["hash"] for tx in block["transactions"]]
    (theirs, origin), *others = their
    faults = ["a bundle with more of others' transactions than one"] if others else []
    if len(our) > 1:
        faults.append("more than one of ours behind it")
    place = order.index(theirs)
    if order[place + 1 : place + 2] != our[:1]:
        faults.append(f"ours is at {order.index(our[0])}, theirs at {place}")
    if any(order.index(tx) < place for tx in our):
        faults.append("ours stands before theirs")
    landed = node.call("eth_getTransactionReceipt", theirs)
    alone = _without_ours(node, block, place, ours)
    if landed["status"] != "0x1":
        faults.append("theirs failed")
    for what, has, would in (
        ("status", landed["status"], alone["status"]),
        ("gas", number(landed["gasUsed"]), number(alone["gasUsed"])),
        ("logs", _plain(landed["logs"]), _plain(alone["logs"])),
    ):
        if has != would:
            faults.append(f"theirs ran otherwise than without us: {what} {has}, without {would}")
    return BackRun(number(block["number"]), theirs, our[0], origin, tuple(faults))


def _without_ours(node: Node, block: dict[str, Any], place: int, ours: set[str]) -> dict[str, Any]:
    """What the transaction at `place` does where nothing of ours stands before it."""
    before = [tx for tx in block["transactions"][:place] if tx["from"].lower() not in ours]
    overrides = {
        "number": block["number"],
        "time": block["timestamp"],
        "gasLimit": block["gasLimit"],
        "feeRecipient": block["miner"],
        "baseFeePerGas": block["baseFeePerGas"],
    }
    calls = [_call(tx) for tx in (*before, block["transactions"][place])]
    asked = {"blockStateCalls": [{"blockOverrides": overrides, "calls": calls}], "validation": True}
    [simulated] = node.call("eth_simulateV1", asked, quantity(number(block["number"]) - 1))
    result: dict[str, Any] = simulated["calls"][-1]
    return result


def _call(tx: dict[str, Any]) -> dict[str, Any]:
    call = {name: tx[name] for name in _CALL_FIELDS if tx.get(name) is not None}
    price = tx["gasPrice"]
    return call | {
        "maxFeePerGas": tx.get("maxFeePerGas") or price,
        "maxPriorityFeePerGas": tx.get("maxPriorityFeePerGas") or price,
    }


def _plain(logs: list[dict[str, Any]]) -> list[tuple[str, tuple[str, ...], str]]:
    return [(log["address"].lower(), tuple(log["topics"]), log["data"]) for log in logs]
