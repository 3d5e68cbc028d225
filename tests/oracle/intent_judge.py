"""How an intent ended, from its signed payloads, the canonical chain and the relays' log, whatever its bot says.

An intent has a window of blocks in which it may succeed, and one verdict. Several verdicts can be true of one that did
not land; those that a bot may report are all of them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oracle.executor_calldata import decode_execute, is_execute
from oracle.facts import Block, MinedTransaction
from oracle.pool_history import pools_moved
from oracle.relay_judge import RelayJudge
from oracle.transaction_decoder import DecodedTransaction, decode_transaction

WITHOUT_A_CLEAR_YES = {
    "latency",
    "no_answer",
    "rate_limited",
    "server_error",
    "malformed",
    "wrong_type",
    "closed",
}
"""Faults after which a sender cannot know in time that a relay has what he sent."""


WELL_BEFORE = 0.75
"""Of the slot: a yes that its sender had later than this may have come after the block."""


@dataclass(frozen=True)
class Intent:
    """What was signed for one intent, and for which blocks it was handed over."""

    id: str
    raws: tuple[bytes, ...]
    aims: frozenset[int]
    first_block: int
    last_block: int
    answered: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """By relay and block: seconds until its sender had the answer, by his own records."""
    follows: bytes | None = None
    """Hash of the transaction that it is to stand behind, where that is known."""

    @property
    def payloads(self) -> list[DecodedTransaction]:
        return [decode_transaction(raw) for raw in self.raws]


class IntentJudge:
    """Of one finished run; `blocks` are all canonical ones the market built, in order, `ours` all its wallets.

    `slot`: seconds of a block.
    """

    def __init__(
        self, blocks: Sequence[Block], relays: RelayJudge, ours: Collection[bytes], slot: float
    ) -> None:
        self._ours = ours
        self._slot = slot
        self._blocks = {block.number: block for block in blocks}
        self._relays = relays
        self._place = {tx.hash: (block, tx) for block in blocks for tx in block.transactions}
        self._by_nonce = {(tx.sender, tx.nonce): (block, tx) for block, tx in self._place.values()}

    def mined(self, intent: Intent) -> list[tuple[Block, MinedTransaction]]:
        return [self._place[tx.hash] for tx in intent.payloads if tx.hash in self._place]

    def breaches(self, intent: Intent) -> list[str]:
        """What must never be: two payloads mined, success outside the window, anything of ours before what it follows."""
        mined, wrong = self.mined(intent), []
        if len(mined) > 1:
            wrong.append(f"{intent.id}: {len(mined)} payloads of one intent were mined")
        if len({tx.nonce for tx in intent.payloads}) > 1:
            wrong.append(f"{intent.id}: payloads at several nonces")
        for block, tx in mined:
            if tx.succeeded and not intent.first_block <= block.number <= intent.last_block:
                window = f"{intent.first_block} to {intent.last_block}"
                wrong.append(f"{intent.id}: succeeded in block {block.number}, its window was {window}")
            if tx.succeeded and intent.follows is not None:
                before = block.transactions[tx.index - 1].hash if tx.index else None
                if before != intent.follows:
                    wrong.append(f"{intent.id}: not right behind what it follows in block {block.number}")
        return wrong

    def verdicts(self, intent: Intent) -> dict[str, str]:
        """Every verdict that is true of it, with its evidence."""
        for block, tx in self.mined(intent):
            verdict = "landed" if tx.succeeded else "mined_reverted"
            return {verdict: f"index {tx.index} of block {block.number}"}
        if not intent.payloads:
            return {"cancelled": "nothing was signed"}
        return self._not_mined(intent, intent.payloads[-1])

    def _not_mined(self, intent: Intent, tx: DecodedTransaction) -> dict[str, str]:
        true: dict[str, str] = {}
        aimed = [self._blocks[number] for number in sorted(intent.aims) if number in self._blocks]
        hexed = "0x" + tx.hash.hex()
        used = self._by_nonce.get((tx.sender, tx.nonce))
        if used is not None:
            true["replaced"] = f"0x{used[1].hash.hex()} used nonce {tx.nonce} in block {used[0].number}"
        if any(self._relays.facts(hexed, number).abandoned for number in intent.aims):
            true["uncled"] = "a block it was built for was abandoned"
        if any(block.base_fee > tx.max_fee_per_gas for block in aimed):
            true["base_fee_moved"] = f"max fee {tx.max_fee_per_gas}"
        if not any(self._was_confirmed(intent, hexed, number) for number in intent.aims):
            true["late"] = "no relay said a clear yes before its block"
        rivals = [
            rival
            for block in aimed
            for rival in _rivals(block, tx, intent.follows)
            if rival.sender not in self._ours
        ]
        if rivals:
            true["outbid"] = f"0x{rivals[0].hash.hex()} moved its pools"
        if not any(is_execute(rival.data) for rival in rivals):
            true["expired"] = "no other arbitrage took its pools"
        if not any(one.kept for number in intent.aims for one in self._relays.facts(hexed, number).carriages):
            true["expired"] = "no relay had it"
        return true

    def _was_confirmed(self, intent: Intent, hexed: str, number: int) -> bool:
        """A clear yes was with its sender well before the block."""
        return any(
            one.fault not in WITHOUT_A_CLEAR_YES
            and one.head < number
            and one.slot_fraction + intent.answered.get((one.endpoint, number), 0.0) / self._slot
            < WELL_BEFORE
            for one in self._relays.facts(hexed, number).carriages
        )


def _rivals(block: Block, tx: DecodedTransaction, follows: bytes | None) -> Iterable[MinedTransaction]:
    """Others that traded on its pools."""
    pools = decode_execute(tx.data).pools
    for other in block.transactions:
        if (
            other.succeeded
            and other.sender != tx.sender
            and other.hash != follows
            and pools_moved(other) & pools
        ):
            yield other


def exactly_one(verdicts: Mapping[str, Sequence[str]]) -> list[str]:
    """Intents, by id, that have not exactly one last word; `unknown` is none."""
    return [f"{name}: {list(said)}" for name, said in verdicts.items() if not said or said[-1] == "unknown"]
