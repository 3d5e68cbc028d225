"""What became of a bundle at the market's relays and builders, from their logs and the chain, without the bot.

The request log says what each relay did with a request, the builder log what each builder did with what he got. Both
are held against each other and against the canonical chain, so that neither has to be believed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.node import Node, quantity

FORGETS = {"rate_limited", "server_error", "silent_drop"}
"""Faults after which a relay holds nothing of a request."""
SENDING = {
    "eth_sendBundle",
    "mev_sendBundle",
    "eth_sendPrivateTransaction",
    "eth_sendPrivateRawTransaction",
    "eth_sendRawTransaction",
}


@dataclass(frozen=True)
class MinedBlock:
    hash: str
    number: int
    coinbase: str
    transactions: tuple[str, ...]


@dataclass(frozen=True)
class Carriage:
    """One request that carried the bundle."""

    endpoint: str
    method: str
    head: int
    target_block: int | None
    slot_fraction: float
    fault: str
    kept: bool
    note: str
    transactions: tuple[str, ...]


@dataclass(frozen=True)
class BundleFacts:
    """All that is known of the bundles that held one transaction, for one block."""

    transaction: str
    target: int
    carriages: tuple[Carriage, ...]
    winner: str | None
    """Builder of the canonical target block; None where there is no such block yet."""
    winner_says: tuple[tuple[str, str], ...]
    """(fate, reason) in his story of that block."""
    loser_says: tuple[tuple[str, str], ...]
    landed: bool
    """In the target block."""
    abandoned: tuple[str, ...] = ()
    """Hashes of blocks of that number that are no longer of the chain: what it was sent for was built in their place."""

    @property
    def reasons(self) -> frozenset[str]:
        """Every reason that is true of why it is not in the target block, in words of this page; empty if it is."""
        if self.landed or self.winner is None:
            return frozenset()
        true = {f"{carriage.endpoint}: {carriage.fault}" for carriage in self.carriages if carriage.fault}
        if not any(carriage.kept for carriage in self.carriages):
            true.add("no relay kept it")
        if all(carriage.head >= self.target for carriage in self.carriages):
            true.add("sent after its block")
        if self.loser_says and not self.winner_says:
            true.add("only the builder who lost had it")
        true |= {f"block {block} was abandoned" for block in self.abandoned}
        true |= {f"{fate}: {reason}" for fate, reason in self.winner_says}
        return frozenset(true)


class RelayJudge:
    """Reads both logs once. `blocks`: the canonical chain by number."""

    def __init__(self, request_log: Path, builder_log: Path, blocks: Mapping[int, MinedBlock]) -> None:
        self.requests = _lines(request_log)
        self.blocks = blocks
        self.stories = _lines(builder_log)
        canonical = {block.hash for block in blocks.values()}
        self._story = {story["number"]: story for story in self.stories if story["hash"] in canonical}

    def facts(self, transaction: str, target: int) -> BundleFacts:
        """Of bundles for block `target` that hold `transaction` (0x-hex hash)."""
        story, block = self._story.get(target), self.blocks.get(target)
        carriages = [carriage for carriage in self.carriages(transaction) if carriage.target_block == target]
        return BundleFacts(
            transaction=transaction,
            target=target,
            carriages=tuple(carriages),
            winner=None if story is None else story["builder"],
            winner_says=_fates(story, transaction),
            loser_says=_fates(None if story is None else story["losing"], transaction),
            landed=block is not None and transaction in block.transactions,
            abandoned=tuple(
                one["hash"] for one in self.stories if one["number"] == target and one is not story
            ),
        )

    def carriages(self, transaction: str) -> Iterable[Carriage]:
        """Every request that carried `transaction`, in order."""
        for one in self.requests:
            if transaction in one["tx_hashes"] and one["method"] in SENDING:
                yield Carriage(
                    endpoint=one["endpoint"],
                    method=one["method"],
                    head=one["head"],
                    target_block=one["target_block"],
                    slot_fraction=one["slot_fraction"],
                    fault=one["fault"],
                    kept=one["kept"],
                    note=one["note"],
                    transactions=tuple(one["tx_hashes"]),
                )

    def faults_met(self) -> set[str]:
        """Kinds of faults that struck a request."""
        return {one["fault"] for one in self.requests} - {""}

    def breaches(self) -> list[str]:
        """Where the logs contradict one another or the chain; empty is good."""
        wrong = [
            f"request {place}: {one['fault']} and kept"
            for place, one in enumerate(self.requests)
            if one["kept"] and (one["fault"] in FORGETS or "error" in one["answer"])
        ]
        for number, story in self._story.items():
            wrong += self._of_block(story, self.blocks[number])
        wrong += [f"block {number} has no story" for number in self.blocks.keys() - self._story.keys()]
        return wrong

    def _of_block(self, story: Mapping[str, Any], block: MinedBlock) -> Iterable[str]:
        at = f"block {block.number}"
        if [one["hash"] for one in story["transactions"]] != list(block.transactions):
            yield f"{at}: the builder's transactions are not the block's"
        if story["coinbase"].lower() != block.coinbase.lower():
            yield f"{at}: coinbase {block.coinbase}, the builder says {story['coinbase']}"
        losing = story["losing"]
        if losing is not None and int(losing["bid_wei"]) > int(story["bid_wei"]):
            yield f"{at}: won with {story['bid_wei']} against {losing['bid_wei']}"
        included: set[str] = set()
        for bundle in story["bundles"]:
            if bundle["fate"] != "included":
                continue
            place, hashes = bundle["position"], bundle["transactions"]
            included |= set(hashes)
            if list(block.transactions[place : place + len(hashes)]) != hashes:
                yield f"{at}: bundle {bundle['bundle_hash']} is not at {place}"
            if not any(self._may_be_built(carriage, block.number) for carriage in self.carriages(hashes[-1])):
                yield f"{at}: bundle {bundle['bundle_hash']} was kept by no relay"
        for one in story["transactions"]:
            if one["origin"] == "bundle" and one["hash"] not in included:
                yield f"{at}: {one['hash']} came by a bundle that is in no story"

    def _may_be_built(self, carriage: Carriage, number: int) -> bool:
        # What came too late for a block is in time for the one that takes its place in a reorg.
        rebuilt = any(story["number"] == number and story["is_reorg"] for story in self.stories)
        in_time = (carriage.head < number or rebuilt) and (carriage.target_block or number) == number
        return carriage.kept and carriage.fault != "never_built" and in_time


def read_blocks(node: Node, first: int, last: int) -> dict[int, MinedBlock]:
    """The canonical blocks from `first` to `last`, both included."""
    blocks: dict[int, MinedBlock] = {}
    for number in range(first, last + 1):
        body = node.call("eth_getBlockByNumber", quantity(number), False)
        blocks[number] = MinedBlock(body["hash"], number, body["miner"], tuple(body["transactions"]))
    return blocks


def _fates(story: Mapping[str, Any] | None, transaction: str) -> tuple[tuple[str, str], ...]:
    bundles: Sequence[Mapping[str, Any]] = () if story is None else story["bundles"]
    return tuple((one["fate"], one["reason"]) for one in bundles if transaction in one["transactions"])


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
