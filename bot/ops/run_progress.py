"""The running totals of one run, fed by the same records the journal keeps: for the live view and the plain lines."""

from collections import Counter, deque

import msgspec

from bot.core.decisions import Verdict
from bot.core.identity import IntentId
from bot.core.records import BlockRecord, DropRecord, IntentRecord, OutcomeRecord
from bot.ops.exchange_view import ExchangeBoard
from bot.ops.relay_view import RelayBoard

BLOCKS_SHOWN = 10
ENDINGS_SHOWN = 8


class Ending(msgspec.Struct, frozen=True):
    """One intent that came to its end, beside what was predicted of it."""

    intent: IntentRecord
    outcome: OutcomeRecord


class LimitUse(msgspec.Struct, frozen=True):
    """One limit of one wallet: how much of it is used."""

    wallet: str
    name: str
    used: int
    limit: int


class RunProgress:
    """Observes; holds no decision. Profit and costs count canonical outcomes only."""

    def __init__(self) -> None:
        self.blocks: deque[BlockRecord] = deque(maxlen=BLOCKS_SHOWN)
        self.endings: deque[Ending] = deque(maxlen=ENDINGS_SHOWN)
        self.block_count = 0
        self.totals: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.predicted_profit = 0
        self.realized_profit = 0
        self.gas_cost = 0
        self.bids = 0
        self.limits: tuple[LimitUse, ...] = ()
        self.exchanges: ExchangeBoard | None = None
        """The newest look at the exchanges; None: none is followed. In no record and in no report."""
        self.relays: RelayBoard | None = None
        """The newest look at the routes; None: nothing is sent. In no record and in no report."""
        self.last_landed: IntentId | None = None
        self._open: dict[IntentId, IntentRecord] = {}

    @property
    def open_count(self) -> int:
        """Intents of this run without a verdict yet."""
        return len(self._open)

    def on_block(self, record: BlockRecord) -> None:
        self.blocks.append(record)
        self.block_count += 1
        for field in (
            "cycles_screened",
            "opportunities",
            "sized",
            "profitable",
            "simulated",
            "allowed",
            "sent",
        ):
            self.totals[field] += getattr(record, field)
        self.drops.update(record.drops)

    def on_intent(self, record: IntentRecord) -> None:
        self._open[record.plan.id] = record

    def on_drop(self, record: DropRecord) -> None:
        self.totals[f"dropped:{record.stage}"] += 1

    def on_outcome(self, record: OutcomeRecord) -> None:
        outcome = record.outcome
        self.verdicts[outcome.verdict] += 1
        intent = self._open.pop(outcome.intent, None)
        self.gas_cost += outcome.gas_cost or 0
        self.bids += record.bid
        if intent is None:
            return
        self.endings.append(Ending(intent, record))
        if outcome.verdict is Verdict.LANDED:
            self.last_landed = outcome.intent
            self.predicted_profit += intent.plan.predicted_profit
            self.realized_profit += outcome.realized_profit or 0
