"""What is in flight: each intent from its record on disk to the verdict of the chain, and back when a reorg takes it.

Told by the loop what happened (recorded, signed, answered, cancelled, a new head, a roll-back); asks the chain
through the ChainReader it was given; decides nothing itself: `post_mortem` does.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from bot.core.decisions import Outcome, Plan, Verdict
from bot.core.identity import BlockRef, IntentId, TxHash, WalletName
from bot.core.messages import Head
from bot.core.ports import ChainReader
from bot.core.records import OpenIntent
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.execution.block_facts import Attempt
from bot.execution.config import ExecutionConfig
from bot.execution.gather_facts import OpenQuestion, ReceiptsOnce, gather_facts
from bot.execution.lifecycle import VERDICT_EVENTS, Event, IntentLife, State
from bot.execution.post_mortem import StillOpen, decide_verdict, left_open
from bot.execution.submit import RouteAnswer

KEPT_BLOCKS = 64
"""How long a verdict is watched for a reorg; as deep as the state can step back."""

_MINED = (Verdict.LANDED, Verdict.MINED_REVERTED)


class Settled(msgspec.Struct, frozen=True):
    """News about one intent: its verdict, or a correction of an earlier one."""

    plan: Plan
    outcome: Outcome


class _Tracked:
    def __init__(self, plan: Plan, life: IntentLife, payloads: Sequence[TxHash], *, restored: bool) -> None:
        self.plan = plan
        self.life = life
        self.payloads = list(payloads)
        self.attempts: list[Attempt] | None = None if restored and payloads else []
        self.is_cancelled = False
        self.left_block: BlockRef | None = None
        self.outcome: Outcome | None = None
        self.told: Outcome | None = None
        """The last outcome that was news; a reorg does not unsay it."""
        self.rests_on: BlockRef | None = None
        """The block whose departure takes the verdict back."""
        self.nonce_used_at: BlockRef | None = None
        """Where an intent without a mined payload was asked about once more, because its nonce was found used."""
        self.open_reason = "the chain was not asked yet"

    @property
    def nonce(self) -> int:
        return self.plan.transaction.nonce


class InFlight:
    """All wallets' intents that are open, and those settled within the last 64 blocks."""

    def __init__(self, reader: ChainReader, config: ExecutionConfig) -> None:
        self._reader = reader
        self._config = config
        self._tracked: dict[IntentId, _Tracked] = {}
        self._cancellations: dict[tuple[WalletName, int], list[TxHash]] = {}
        self._seen_at: dict[BlockRef, Nanoseconds] = {}

    def restore(self, intent: OpenIntent) -> None:
        """From the journal at start (law 13). A payload on disk may have been sent; what routes said is not known."""
        life = IntentLife(State.SENT if intent.payloads else State.RECORDED)
        payloads = [payload.tx_hash for payload in intent.payloads]
        self._tracked[intent.record.plan.id] = _Tracked(intent.record.plan, life, payloads, restored=True)

    def recorded(self, plan: Plan) -> None:
        """Intent and reservation are on disk; nothing is signed yet."""
        self._tracked[plan.id] = _Tracked(plan, IntentLife(State.RECORDED), (), restored=False)

    def signed(self, intent: IntentId, tx_hash: TxHash) -> None:
        """The payload is on disk."""
        tracked = self._tracked[intent]
        tracked.life.meet(Event.REPLANNED if tracked.life.state is State.SENT else Event.SIGNER_SIGNED)
        tracked.payloads.append(tx_hash)

    def signer_refused(self, intent: IntentId) -> None:
        """No signature exists: the intent is over, without a word of the chain."""
        self._tracked[intent].life.meet(Event.SIGNER_REFUSED)
        del self._tracked[intent]

    def signer_silent(self, intent: IntentId) -> None:
        """A signature may exist that we have not seen: the intent stays open until its window and nonce say more."""
        self._tracked[intent].life.meet(Event.SIGNER_SILENT)

    def answered(self, intent: IntentId, answers: Sequence[RouteAnswer]) -> None:
        """What the routes said; may be told in parts."""
        tracked = self._tracked[intent]
        if not answers:
            return
        tracked.life.meet(Event.HANDED_OVER)
        attempts = tracked.attempts or []
        tracked.attempts = attempts + [Attempt(a.route, a.answer, a.answered_at) for a in answers]

    def cancelled(self, intent: IntentId) -> None:
        """Its bundles were cancelled on our order."""
        self._tracked[intent].is_cancelled = True

    def cancellation_signed(self, wallet: WalletName, nonce: int, tx_hash: TxHash) -> None:
        """A transfer of nothing to ourselves now competes for the nonce."""
        self._cancellations.setdefault((wallet, nonce), []).append(tx_hash)

    def open_intents(self) -> tuple[Plan, ...]:
        """Recorded and without a verdict, oldest first."""
        return tuple(t.plan for t in self._tracked.values() if not t.life.is_over)

    async def settle(
        self,
        head: Head,
        seen_at: Nanoseconds,
        next_nonces: Mapping[WalletName, Ok[int] | Reverted | Unknown],
    ) -> tuple[Settled, ...]:
        """Verdicts that block `head` brought. `next_nonces`: each wallet's transaction count at `head`.

        Also an intent with a verdict is asked about again when its nonce is found used: a payload that leaked can be
        mined, and revert, after its window. Call it for every block, in order.
        """
        self._seen_at[head.ref] = seen_at
        receipts = ReceiptsOnce(self._reader)
        asked = [t for t in self._tracked.values() if _is_due(t, next_nonces)]
        verdicts = await asyncio.gather(*(self._decide(t, receipts, head, next_nonces) for t in asked))
        news = [
            Settled(t.plan, outcome)
            for t, outcome in zip(asked, verdicts, strict=True)
            if isinstance(outcome, Outcome) and _take(t, outcome, head)
        ]
        for tracked, outcome in zip(asked, verdicts, strict=True):
            if isinstance(outcome, StillOpen):
                tracked.open_reason = outcome.reason
        self._forget_old(head)
        return tuple(news)

    def roll_back(self, to: BlockRef) -> tuple[Plan, ...]:
        """A reorg: verdicts that rested on a block above `to` are taken back. Returns the plans that are open again."""
        self._seen_at = {ref: at for ref, at in self._seen_at.items() if ref.number <= to.number}
        return self._reopen_above(to.number, f"a reorg to block {to.number} took its verdict back")

    def forget_chain(self) -> tuple[Plan, ...]:
        """Continuity was lost: every verdict that is still watched is asked for again. Only changed ones are news."""
        return self._reopen_above(-1, "continuity was lost, so its verdict is asked for again")

    def close(self) -> tuple[Settled, ...]:
        """The run ends: every open intent becomes `unknown`, with what was waited for. Budgets stay reserved."""
        news: list[Settled] = []
        for tracked in self._tracked.values():
            if tracked.life.is_over:
                continue
            tracked.life.meet(Event.RUN_ENDED)
            tracked.outcome = left_open(tracked.plan, tracked.open_reason)
            news.append(Settled(tracked.plan, tracked.outcome))
        return tuple(news)

    def _reopen_above(self, number: int, reason: str) -> tuple[Plan, ...]:
        reopened: list[Plan] = []
        for tracked in self._tracked.values():
            if tracked.nonce_used_at is not None and tracked.nonce_used_at.number > number:
                tracked.nonce_used_at = None
            if tracked.rests_on is None or tracked.rests_on.number <= number:
                continue
            tracked.life.meet(Event.BLOCK_LEFT_CHAIN)
            if tracked.outcome is not None and tracked.outcome.verdict in _MINED:
                tracked.left_block = tracked.rests_on
            tracked.outcome = tracked.rests_on = None
            tracked.open_reason = reason
            reopened.append(tracked.plan)
        return tuple(reopened)

    async def _decide(
        self,
        tracked: _Tracked,
        receipts: ReceiptsOnce,
        head: Head,
        next_nonces: Mapping[WalletName, Ok[int] | Reverted | Unknown],
    ) -> Outcome | StillOpen:
        question = OpenQuestion(
            plan=tracked.plan,
            payloads=self._payloads_at(tracked.plan.wallet, tracked.nonce),
            attempts=None if tracked.attempts is None else tuple(tracked.attempts),
            target_seen_at=self._target_seen_at(tracked.plan),
            left_block=tracked.left_block,
            is_cancelled=tracked.is_cancelled,
        )
        next_nonce = next_nonces.get(tracked.plan.wallet, Unknown("the wallet's count was not read"))
        facts = await gather_facts(self._reader, receipts, question, head, next_nonce)
        return decide_verdict(facts, self._config.executor, self._config.profit_recipient)

    def _payloads_at(self, wallet: WalletName, nonce: int) -> tuple[tuple[TxHash, IntentId | None], ...]:
        ours: list[tuple[TxHash, IntentId | None]] = [
            (tx_hash, tracked.plan.id)
            for tracked in self._tracked.values()
            if tracked.plan.wallet == wallet and tracked.nonce == nonce
            for tx_hash in tracked.payloads
        ]
        ours += [(tx_hash, None) for tx_hash in self._cancellations.get((wallet, nonce), ())]
        return tuple(ours)

    def _target_seen_at(self, plan: Plan) -> Nanoseconds | None:
        seen = [at for ref, at in self._seen_at.items() if ref.number == plan.target_block]
        return min(seen, default=None)

    def _forget_old(self, head: Head) -> None:
        """Mined ones once they are deep; others once their nonce is used that deep, for till then they can leak."""
        oldest = head.number - KEPT_BLOCKS
        for intent in [i for i, t in self._tracked.items() if _is_buried(t, oldest)]:
            del self._tracked[intent]
        self._seen_at = {ref: at for ref, at in self._seen_at.items() if ref.number > oldest}


def _is_due(tracked: _Tracked, next_nonces: Mapping[WalletName, Ok[int] | Reverted | Unknown]) -> bool:
    if not tracked.life.is_over:
        return True
    if tracked.outcome is None or tracked.outcome.verdict in _MINED or tracked.nonce_used_at is not None:
        return False
    count = next_nonces.get(tracked.plan.wallet)
    return isinstance(count, Ok) and count.value > tracked.nonce


def _take(tracked: _Tracked, outcome: Outcome, head: Head) -> bool:
    """Note the verdict; True when it is news. A first verdict stands unless the chain shows our payload mined."""
    is_mined = outcome.verdict in _MINED
    if tracked.life.is_over and not is_mined:
        tracked.nonce_used_at = head.ref
        return False
    tracked.life.meet(VERDICT_EVENTS[outcome.verdict])
    tracked.outcome = outcome
    tracked.rests_on = outcome.block or head.ref
    is_news, tracked.told = outcome != tracked.told, outcome
    return is_news


def _is_buried(tracked: _Tracked, oldest: int) -> bool:
    if tracked.outcome is None:
        return False
    decided = tracked.rests_on if tracked.outcome.verdict in _MINED else tracked.nonce_used_at
    return decided is not None and decided.number <= oldest
