"""Two pools and a chain in lists, for tests of the tick and the loop: real state, search, gate, dispatcher and journal
records around a node, a signer and relays that do as they are told.

`events` is one list that every port writes to in the order it was used: the tests read the order of things from it.
"""

from dataclasses import dataclass, field

from listed_chain import (
    BALANCE,
    COUNT,
    ETHER,
    EXECUTOR,
    GAS_USED,
    GWEI,
    OPERATOR,
    PROFILE,
    RECIPIENT,
    START,
    TOKEN,
    WETH,
    ListedChain,
    address,
    head_at,
    profit_log,
)

from bot.carry_out import TickDeps, WalletAtHead
from bot.core.identity import TxHash, keccak
from bot.core.ports import SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import RouteStanding
from bot.core.transaction import SignedTransaction
from bot.execution.bid_book import BidBook
from bot.execution.bid_policy import BidConfig, BidPolicy
from bot.execution.config import ExecutionConfig
from bot.execution.dispatch import Dispatcher
from bot.execution.maintenance import InFlight
from bot.execution.nonce_line import NonceLine
from bot.execution.slot_clock import SlotClock
from bot.loop import World
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.risk.ledger import Ledger
from bot.risk.limits import Limits, WalletLimits
from bot.state.market_state import MarketState
from bot.state.pool_table import PoolTable, V2Pool

SECOND = 10**9


CHEAP, DEAR, THIRD = (address(f"{name} pool") for name in ("cheap", "dear", "third"))
LIMITS = WalletLimits(
    notional_per_trade=100 * ETHER,
    fee_per_gas=50 * GWEI,
    gas_per_tx=1_200_000,
    gas_spend_per_day=ETHER,
    loss_per_day=ETHER,
    value_in_flight=ETHER,
    failures_in_a_row=3,
    balance_ceiling=ETHER,
)
CONFIG = ExecutionConfig(
    executor=EXECUTOR, profit_recipient=RECIPIENT, weth=WETH, min_net_profit=ETHER // 5_000, slot_seconds=12
)


def world_at(ref=START, *, gap=True, pools=2):
    """Pools of one pair; with a gap the second pays a tenth more for the token."""
    table = PoolTable()
    for place, pool in enumerate((CHEAP, DEAR, THIRD)[:pools]):
        weth = (110 if place == 1 and gap else 100) * ETHER
        first, second = sorted((WETH, TOKEN))
        reserves = (weth, 200 * ETHER) if first == WETH else (200 * ETHER, weth)
        table.add(V2Pool(pool, PROFILE.venues[place % 2].name, first, second, 997, 1000), *reserves)
    state = MarketState(table, PROFILE.venues, ref)
    return World(state, ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH, most_sized_per_pool=3)))


class StoppedClock:
    """Stands still; sleeping is noted and takes no time."""

    def __init__(self, events):
        self.events = events
        self.now = 0

    def utc(self):
        return 1_700_000_000 * SECOND

    def monotonic(self):
        return self.now

    async def sleep(self, duration):
        self.events.append("sleep")

    async def within(self, limit, work):
        return Ok(await work)


@dataclass
class ListJournal:
    """core.ports.Journal in memory. `fails_at`: the kind of record that cannot be written."""

    events: list
    fails_at: str | None = None
    kept: dict = field(default_factory=dict)

    def of(self, kind):
        return self.kept.get(kind, [])

    def _keep(self, kind, record):
        if kind == self.fails_at:
            raise OSError(f"no space left for a record of {kind}")
        self.events.append(kind)
        self.kept.setdefault(kind, []).append(record)

    async def record_intent(self, record):
        self._keep("intent", record)

    async def record_drop(self, record):
        self._keep("drop", record)

    async def record_payload(self, record):
        self._keep("payload", record)

    async def record_attempt(self, record):
        self._keep("attempt", record)

    async def record_outcome(self, record):
        self._keep("outcome", record)

    async def record_block(self, record):
        self._keep("block", record)


@dataclass
class NodeSimulation:
    """core.ports.Simulator: runs the program as the Executor would, unless `answers` say otherwise, one a call."""

    events: list
    answers: list = field(default_factory=list)
    ran: list = field(default_factory=list)

    async def simulate(self, transaction, sender, on, environment, behind=None):
        self.events.append("simulate")
        self.ran.append(transaction)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer or Ok(SimulatedCall(GAS_USED, (profit_log(transaction),)))


@dataclass
class Desk:
    """core.ports.Signer; `answer` None signs."""

    events: list
    answer: Reverted | Unknown | None = None
    signed: list = field(default_factory=list)
    told: list = field(default_factory=list)
    ledger: Ledger | None = None
    held_when_signing: list = field(default_factory=list)

    async def sign(self, approved):
        self.events.append("sign")
        plan = approved.plan
        if self.ledger is not None:
            self.held_when_signing.append(self.ledger.in_flight(plan.wallet, plan.state.number))
        if self.answer is not None:
            return self.answer
        raw = plan.transaction.signed_payload(0, 1, 1)
        self.signed.append(SignedTransaction(raw, TxHash(keccak(raw)), plan.transaction))
        return Ok(self.signed[-1])

    async def report_nonce(self, wallet, next_nonce, block_number):
        self.told.append((wallet, next_nonce))
        return Ok(None)


@dataclass
class Relay:
    """core.ports.BundleRoute."""

    events: list
    name: str = "relay"
    drops_reverts: bool = True
    answer: object = Ok("0xbundle")
    received: list = field(default_factory=list)
    takes_hints: bool = False
    is_usable: bool = True
    honours: frozenset = frozenset({"payment", "priority_fee"})

    @property
    def standing(self):
        return RouteStanding(self.name, "127.0.0.1", self.drops_reverts, self.is_usable, "out of order")

    refuses: str | None = None

    def why_refused(self, bundle):
        return self.refuses

    async def send(self, bundle):
        self.events.append("send")
        self.received.append(bundle)
        return self.answer


class SmallMarket:
    """All ports of one wallet, and the dependencies of the tick made of them."""

    def __init__(self):
        self.events = []
        self.clock = StoppedClock(self.events)
        self.journal = ListJournal(self.events)
        self.simulator = NodeSimulation(self.events)
        self.ledger = Ledger()
        self.signer = Desk(self.events, ledger=self.ledger)
        self.relays = [Relay(self.events)]
        self.chain = ListedChain()
        self.in_flight = InFlight(self.chain, CONFIG)
        self.line = NonceLine("main")
        self.slots = SlotClock(PROFILE.slot, waits=True)
        self.slots.note_head(head_at(100), 0, 0)

    def dispatcher(self):
        return Dispatcher(
            "run", self.journal, self.signer, self.relays, self.in_flight, self.clock, SECOND, bytes(32)
        )

    def tick_deps(self, **changes):
        fields = {
            "run_id": "run",
            "chain": PROFILE,
            "clock": self.clock,
            "execution": CONFIG,
            "limits": Limits({"main": LIMITS}),
            "ledger": self.ledger,
            "journal": self.journal,
            "simulator": self.simulator,
            "dispatcher": self.dispatcher(),
            "recorded_intents": set(),
            "simulation_limit": SECOND,
            "state_age": 6 * SECOND,
            "expired_gas": 100_000,
            "bids": BidBook(BidPolicy(BidConfig(share=CONFIG.bid_share, learns=False))),
            "slots": self.slots,
        }
        return TickDeps(**(fields | changes))

    def wallet(self, head, count=COUNT, balance=BALANCE):
        if isinstance(count, Ok):
            self.line.note_count(count.value, head.ref)
        return WalletAtHead("main", OPERATOR, self.line, count, balance)

    def held(self, at=100):
        """Budget reserved for what may yet land, in wei."""
        return self.ledger.in_flight("main", at)
