"""One intent from its record on disk to the verdict of the chain, and back when a reorg takes it."""

from collections.abc import Sequence

from bot.core.decisions import Outcome, Plan, Verdict
from bot.core.identity import BlockRef, TxHash
from bot.core.messages import Head
from bot.core.records import OpenIntent
from bot.execution.block_facts import Attempt
from bot.execution.lifecycle import VERDICT_EVENTS, Event, IntentLife, State

MINED = (Verdict.LANDED, Verdict.MINED_REVERTED)


class TrackedIntent:
    """Where it stands, what was told of it, and what its verdict rests on."""

    def __init__(self, plan: Plan, life: IntentLife, payloads: Sequence[TxHash] = ()) -> None:
        self.plan = plan
        self.life = life
        self.payloads = list(payloads)
        self.attempts: list[Attempt] | None = []
        """None: a run that ended knew them."""
        self.is_cancelled = False
        self.left_block: BlockRef | None = None
        """In which it had landed before a reorg took it back."""
        self.told: Outcome | None = None
        """The last outcome that was news; the chain can take the verdict back, and this still says what was told."""
        self.told_is_void = False
        """A reorg took the block on which `told` rested."""
        self.rests_on: int | None = None
        """The block whose departure takes the verdict back; None while there is no verdict."""
        self.nonce_used_at: int | None = None
        """Where the nonce was first found used, when no payload of this intent was mined."""
        self.is_nonce_explained = False
        """It is known who used the nonce; till then a receipt of ours may still turn up."""
        self.open_reason = "the chain was not asked yet"

    @classmethod
    def restored(cls, intent: OpenIntent) -> "TrackedIntent":
        """From the journal. A payload on disk may have been sent; what routes said is not known any more.

        One that was mined is asked for again: a reorg may have taken its block while nobody watched. Any other
        ending is asked about once its nonce is used.
        """
        plan, told = intent.record.plan, intent.outcome
        payloads = [payload.tx_hash for payload in intent.payloads]
        tracked = cls(plan, IntentLife(State.SENT if payloads else State.RECORDED), payloads)
        tracked.attempts = None if payloads else []
        if told is None or told.verdict is Verdict.UNKNOWN:
            return tracked
        tracked.told = told
        if told.verdict in MINED:
            tracked.left_block = told.block
            tracked.open_reason = "it was mined when the last run ended, and the chain was not asked since"
        else:
            tracked.life = IntentLife(State(told.verdict.value))
            tracked.rests_on = plan.window.last_block
        return tracked

    @property
    def nonce(self) -> int:
        return self.plan.transaction.nonce

    @property
    def is_mined(self) -> bool:
        """By its verdict, which stands."""
        return self.life.state in (State.LANDED, State.MINED_REVERTED)

    def is_due(self, *, is_nonce_used: bool) -> bool:
        """Open, or its payloads might be what used the nonce: one that leaked can be mined after its window."""
        if not self.life.is_over:
            return True
        return is_nonce_used and not self.is_mined and not self.is_nonce_explained

    def take(self, outcome: Outcome, head: Head) -> bool:
        """Note the verdict; True when it is news, by more than its wording."""
        self.life.meet(VERDICT_EVENTS[outcome.verdict])
        self.rests_on = head.number if outcome.block is None else outcome.block.number
        if self.told is not None and (_is_same(self.told, outcome) or self._knew_more(outcome)):
            self._stand_by(self.told)
            return False
        self.told, self.told_is_void = outcome, False
        return True

    def note_nonce_used(self, head: Head, *, is_explained: bool) -> None:
        if self.nonce_used_at is None:
            self.nonce_used_at = head.number
        self.is_nonce_explained = is_explained

    def reopen_above(self, number: int, reason: str, *, is_reorg: bool) -> bool:
        """Take back what rests on a block above `number`; True when the verdict is among it."""
        if self.nonce_used_at is not None and self.nonce_used_at > number:
            self.nonce_used_at, self.is_nonce_explained = None, False
        if self.rests_on is None or self.rests_on <= number:
            return False
        if self.is_mined and self.told is not None:
            self.left_block = self.told.block
        self.life.meet(Event.BLOCK_LEFT_CHAIN)
        self.rests_on = None
        self.told_is_void = self.told_is_void or is_reorg
        self.open_reason = reason
        return True

    def end_as_told(self) -> bool:
        """The run ends: what was told stands unless its block is known to be gone. False when nothing stands."""
        if self.told is None or self.told.verdict is Verdict.UNKNOWN or self.told_is_void:
            return False
        self._stand_by(self.told)
        return True

    def is_buried(self, oldest: int) -> bool:
        """Mined so deep; or its nonce was used that deep, for till then its payloads can leak."""
        decided = self.rests_on if self.is_mined else self.nonce_used_at
        return self.life.is_over and decided is not None and decided <= oldest

    def _knew_more(self, outcome: Outcome) -> bool:
        """A run that has ended told why it did not land, with the routes' answers at hand; we no longer have them."""
        return (
            self.attempts is None
            and not self.told_is_void
            and self.told is not None
            and self.told.verdict not in MINED
            and outcome.verdict not in MINED
        )

    def _stand_by(self, told: Outcome) -> None:
        told_state = State(told.verdict.value)
        if self.life.state is not told_state:
            if self.life.is_over:
                self.life.meet(Event.BLOCK_LEFT_CHAIN)
            self.life.meet(VERDICT_EVENTS[told.verdict])
        self.told_is_void = False


def _is_same(told: Outcome, now: Outcome) -> bool:
    """But for the words, and for what others add to an outcome."""
    return (told.verdict, told.block, told.tx_hash, told.gas_cost, told.realized_profit) == (
        now.verdict,
        now.block,
        now.tx_hash,
        now.gas_cost,
        now.realized_profit,
    )
