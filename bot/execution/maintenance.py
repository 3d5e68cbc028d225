"""What is in flight: each intent from its record on disk to the verdict of the chain, and back when a reorg takes it.

Told by the loop what happened (recorded, signed, answered, cancelled, a new head, a roll-back); asks the chain
through the ChainReader it was given; decides nothing itself: `post_mortem` does.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bot.core.decisions import Outcome, Plan
from bot.core.identity import Address, BlockRef, IntentId, TxHash, WalletName
from bot.core.messages import Head
from bot.core.ports import ChainReader
from bot.core.records import OpenIntent
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.execution.block_facts import Attempt, BlockFacts
from bot.execution.config import ExecutionConfig
from bot.execution.gather_facts import OpenQuestion, facts_of_open_nonce, facts_of_used_nonce
from bot.execution.lifecycle import Event, IntentLife, State
from bot.execution.nonce_use import NonceUse, UsedNonce, find_nonce_use
from bot.execution.own_receipts import OwnReceipts
from bot.execution.post_mortem import StillOpen, decide_verdict, left_open
from bot.execution.submit import RouteAnswer
from bot.execution.tracked_intent import TrackedIntent

KEPT_BLOCKS = 64
"""How long a verdict is watched for a reorg; as deep as the state can step back."""

AWAITED = 4
"""Payloads whose receipts are worth asking for before it is known whether a nonce was used."""

Count = Ok[int] | Reverted | Unknown
"""A wallet's transaction count."""


class Settled(msgspec.Struct, frozen=True):
    """News about one intent: its verdict, or a correction of an earlier one."""

    plan: Plan
    outcome: Outcome


class InFlight:
    """All wallets' intents that are open, and those on which the chain can still change its word."""

    def __init__(self, reader: ChainReader, config: ExecutionConfig) -> None:
        self._reader = reader
        self._config = config
        self._tracked: dict[IntentId, TrackedIntent] = {}
        self._cancellations: dict[tuple[WalletName, int], list[TxHash]] = {}
        self._senders: set[Address] = set()
        """Of every plan there was: our wallets, which are no rivals of each other."""
        self._seen_at: dict[BlockRef, Nanoseconds] = {}
        self._newest = 0
        """The highest block that anything here was asked at, or rests on."""

    def restore(self, intent: OpenIntent) -> None:
        """From the journal at start (law 13): the open ones, and those that a leak or a reorg can still change."""
        plan = intent.record.plan
        self._tracked[plan.id] = TrackedIntent.restored(intent)
        self._senders.add(plan.sender)
        self._newest = max(self._newest, plan.state.number)

    def recorded(self, plan: Plan) -> None:
        """Intent and reservation are on disk; nothing is signed yet."""
        self._tracked[plan.id] = TrackedIntent(plan, IntentLife(State.RECORDED))
        self._senders.add(plan.sender)

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

    def no_longer_pays(self, intent: IntentId) -> None:
        """At a later head of its window: it is handed over no more."""
        self._tracked[intent].life.meet(Event.NO_LONGER_PAYS)

    def answered(self, intent: IntentId, answers: Sequence[RouteAnswer], target_block: int) -> None:
        """What the routes said of handing it over for `target_block`; may be told in parts, also after the verdict.

        A route's later word on the same block replaces its earlier.
        """
        tracked = self._tracked.get(intent)
        if not answers or tracked is None:
            return
        if not tracked.life.is_over:
            tracked.life.meet(Event.HANDED_OVER)
        spoken = {(answer.route, target_block) for answer in answers}
        earlier = [one for one in tracked.attempts or [] if (one.route, one.target_block) not in spoken]
        tracked.attempts = earlier + [
            Attempt(a.route, a.answer, a.answered_at, target_block) for a in answers
        ]

    def cancelled(self, intent: IntentId) -> None:
        """Its bundles were cancelled on our order."""
        self._tracked[intent].is_cancelled = True

    def cancellation_signed(self, wallet: WalletName, nonce: int, tx_hash: TxHash) -> None:
        """A transfer of nothing to ourselves now competes for the nonce."""
        self._cancellations.setdefault((wallet, nonce), []).append(tx_hash)

    def open_intents(self) -> tuple[Plan, ...]:
        """Recorded and without a verdict, oldest first."""
        return tuple(t.plan for t in self._tracked.values() if not t.life.is_over)

    def awaited_payloads(self) -> tuple[TxHash, ...]:
        """Those that the next block is most likely to have mined: of the open intents, the newest."""
        opened = [tracked for tracked in self._tracked.values() if not tracked.life.is_over]
        return tuple(tx_hash for tx_hash, _ in _payloads(opened))[-AWAITED:]

    async def settle(
        self, head: Head, seen_at: Nanoseconds, next_nonces: Mapping[WalletName, Count]
    ) -> tuple[Settled, ...]:
        """Verdicts that block `head` brought. `next_nonces`: each wallet's transaction count at `head`.

        Also an intent with a verdict is asked about again when its nonce is found used: a payload that leaked can be
        mined, and revert, after its window. Call it for every block, in order.
        """
        self._seen_at[head.ref] = seen_at
        self._newest = max(self._newest, head.number)
        receipts = OwnReceipts(self._reader)
        by_nonce: dict[tuple[WalletName, int], list[TrackedIntent]] = {}
        for tracked in self._tracked.values():
            by_nonce.setdefault((tracked.plan.wallet, tracked.nonce), []).append(tracked)
        settled = await asyncio.gather(
            *(self._settle_nonce(sharing, receipts, head, next_nonces) for sharing in by_nonce.values())
        )
        self._forget_old(head)
        return tuple(news for at_nonce in settled for news in at_nonce)

    def roll_back(self, to: BlockRef) -> tuple[Plan, ...]:
        """A reorg: verdicts that rested on a block above `to` are taken back. Returns the plans that are open again."""
        self._seen_at = {ref: at for ref, at in self._seen_at.items() if ref.number <= to.number}
        reason = f"a reorg to block {to.number} took its verdict back"
        return self._reopen_above(to.number, reason, is_reorg=True)

    def forget_chain(self) -> tuple[Plan, ...]:
        """Continuity was lost: verdicts within a reorg's depth are asked for again. Only changed ones are news."""
        reason = "continuity was lost, so its verdict is asked for again"
        return self._reopen_above(self._newest - KEPT_BLOCKS, reason, is_reorg=False)

    def close(self) -> tuple[Settled, ...]:
        """The run ends: every open intent becomes `unknown`, with what was waited for. Budgets stay reserved.

        One whose verdict was told, and is only being asked for again, keeps it: nothing says that it was wrong.
        """
        news: list[Settled] = []
        for tracked in self._tracked.values():
            if tracked.life.is_over or tracked.end_as_told():
                continue
            tracked.life.meet(Event.RUN_ENDED)
            tracked.told = left_open(tracked.plan, tracked.open_reason)
            news.append(Settled(tracked.plan, tracked.told))
        return tuple(news)

    def _reopen_above(self, number: int, reason: str, *, is_reorg: bool) -> tuple[Plan, ...]:
        return tuple(
            tracked.plan
            for tracked in self._tracked.values()
            if tracked.reopen_above(number, reason, is_reorg=is_reorg)
        )

    async def _settle_nonce(
        self,
        sharing: Sequence[TrackedIntent],
        receipts: OwnReceipts,
        head: Head,
        next_nonces: Mapping[WalletName, Count],
    ) -> list[Settled]:
        """All intents of one wallet at one nonce. While it is open, only those without a verdict are asked about."""
        count = next_nonces.get(sharing[0].plan.wallet, Unknown("the wallet's count was not read"))
        if isinstance(count, Ok) and count.value > sharing[0].nonce:
            due = [tracked for tracked in sharing if tracked.is_due(is_nonce_used=True)]
            if not due:
                return []
            use = await find_nonce_use(self._reader, receipts, self._used_nonce(sharing), head, count)
            return [news for tracked in due for news in self._nonce_used(tracked, use, head)]
        undecided = [tracked for tracked in sharing if tracked.is_due(is_nonce_used=False)]
        facts = await asyncio.gather(
            *(
                facts_of_open_nonce(self._reader, receipts, self._question(tracked), head, count)
                for tracked in undecided
            )
        )
        return [
            news
            for tracked, known in zip(undecided, facts, strict=True)
            for news in self._take(tracked, known, head)
        ]

    def _nonce_used(self, tracked: TrackedIntent, use: NonceUse, head: Head) -> list[Settled]:
        """A first verdict stands unless the chain shows a payload of this very intent mined."""
        is_own = use.is_by_us and use.witness is not None and use.witness.intent == tracked.plan.id
        was_over = tracked.life.is_over
        news = []
        if is_own or not was_over:
            news = self._take(tracked, facts_of_used_nonce(self._question(tracked), head, use), head)
        if tracked.life.is_over and not is_own:
            tracked.note_nonce_used(head, is_explained=use.is_by_us or use.is_by_a_stranger)
        return news

    def _take(self, tracked: TrackedIntent, facts: BlockFacts, head: Head) -> list[Settled]:
        verdict = decide_verdict(facts, self._config.executor, self._config.profit_recipient)
        if isinstance(verdict, StillOpen):
            tracked.open_reason = verdict.reason
            return []
        return [Settled(tracked.plan, verdict)] if tracked.take(verdict, head) else []

    def _used_nonce(self, sharing: Sequence[TrackedIntent]) -> UsedNonce:
        plan = sharing[0].plan
        undecided = [tracked for tracked in sharing if not tracked.life.is_over]
        decided = [tracked for tracked in sharing if tracked.life.is_over]
        cancellations = self._cancellations.get((plan.wallet, sharing[0].nonce), ())
        windows = (tracked.plan.window for tracked in undecided)
        return UsedNonce(
            sender=plan.sender,
            nonce=sharing[0].nonce,
            undecided=tuple(_payloads(undecided)),
            others=(*_payloads(decided), *((tx_hash, None) for tx_hash in cancellations)),
            windows=frozenset(
                n for window in windows for n in range(window.first_block, window.last_block + 1)
            ),
        )

    def _question(self, tracked: TrackedIntent) -> OpenQuestion:
        return OpenQuestion(
            plan=tracked.plan,
            payloads=tuple(tracked.payloads),
            attempts=None if tracked.attempts is None else tuple(tracked.attempts),
            seen_at=self._heard_at(),
            left_block=tracked.left_block,
            is_cancelled=tracked.is_cancelled,
            is_withdrawn=tracked.life.state is State.WITHDRAWN,
            own_senders=frozenset(self._senders),
        )

    def _heard_at(self) -> dict[int, Nanoseconds]:
        heard: dict[int, Nanoseconds] = {}
        for ref, at in self._seen_at.items():
            heard[ref.number] = min(at, heard.get(ref.number, at))
        return heard

    def _forget_old(self, head: Head) -> None:
        """Mined ones once they are deep; others once their nonce is used that deep, for till then they can leak."""
        oldest = head.number - KEPT_BLOCKS
        for intent in [i for i, tracked in self._tracked.items() if tracked.is_buried(oldest)]:
            del self._tracked[intent]
        self._seen_at = {ref: at for ref, at in self._seen_at.items() if ref.number > oldest}


def _payloads(intents: Iterable[TrackedIntent]) -> Iterable[tuple[TxHash, IntentId]]:
    return ((tx_hash, tracked.plan.id) for tracked in intents for tx_hash in tracked.payloads)
