"""One wallet, a chain that mines and reorgs, and what is in flight on it."""

from execution_stage import (
    CONFIG,
    MAIN,
    OPERATOR,
    opportunity,
    plan_on,
    profit_log,
    tx_hash,
)
from fake_chain_reader import FakeChainReader, Mined

from bot.core.records import IntentRecord, OpenIntent, PayloadRecord
from bot.core.result import Ok
from bot.execution.maintenance import InFlight
from bot.execution.submit import RouteAnswer

ACCEPTED = RouteAnswer("relay", Ok("0xbundle"), 0, 1, 10)


class Stage:
    """One wallet, a chain at block 100, and what is in flight."""

    def __init__(self):
        self.chain = FakeChainReader()
        self.chain.mine(100)
        self.in_flight = InFlight(self.chain, CONFIG)
        self.told = []

    def restart(self, *intents):
        """A new process on the same chain, with what the journal held."""
        self.in_flight = InFlight(self.chain, CONFIG)
        for intent in intents:
            self.in_flight.restore(intent)

    def send(self, name="payload", number=100, pools="a", answers=(ACCEPTED,), nonce=7, **changes):
        """Record, sign and hand over a plan made on block `number`."""
        head = self.chain.blocks[number][0]
        plan = plan_on(head, opportunity(head, pools), nonce=nonce, **changes)
        self.in_flight.recorded(plan)
        self.in_flight.signed(plan.id, tx_hash(name))
        self.in_flight.answered(plan.id, answers, plan.target_block)
        return plan

    async def block(self, number, *transactions, fork="", count=None, seen_at=100):
        """The chain grows; returns the news as {intent: verdict}."""
        head = self.chain.mine(number, *transactions, fork=fork)
        count = self.chain.count(OPERATOR) if count is None else count
        self.news = await self.in_flight.settle(head, seen_at, {MAIN: count})
        self.told += self.news
        return {settled.plan.id: settled.outcome.verdict for settled in self.news}

    def reorg(self, to):
        return {plan.id for plan in self.in_flight.roll_back(self.chain.reorg(to))}

    def is_open(self, plan):
        return plan in self.in_flight.open_intents()


def landing(plan, name="payload", nonce=7):
    return Mined(name, OPERATOR, nonce, logs=(profit_log(plan.predicted_profit, tx=name),))


def reverting(name="payload", nonce=7):
    return Mined(name, OPERATOR, nonce, succeeded=False)


def stored(plan, *names, outcome=None):
    record = IntentRecord("run", plan, None, None, (), 0)
    payloads = tuple(PayloadRecord(plan.id, tx_hash(n), b"", 7, b"", 0) for n in names)
    return OpenIntent(record, payloads, outcome)
