"""What the journal keeps, as plain records: integers as integers here, decimal strings in the database and reports."""

import msgspec

from bot.core.decisions import Check, Outcome, Plan, Reservation, Simulation, Verdict
from bot.core.identity import BlockRef, IntentId, TxHash, WalletName
from bot.core.units import Nanoseconds, Wei, WeiPerGas


class RunRecord(msgspec.Struct, frozen=True):
    run_id: str
    chain_id: int
    chain: str
    mode: str
    started_at: Nanoseconds
    """UTC."""
    seed: int | None
    """Of the local market, if it is one."""


class IntentRecord(msgspec.Struct, frozen=True):
    """Durable before anything is signed."""

    run_id: str
    plan: Plan
    simulation: Simulation
    reservation: Reservation
    checks: tuple[Check, ...]
    recorded_at: Nanoseconds
    offset: Nanoseconds = Nanoseconds(0)
    """From the arrival of the head it follows until it was sent for signing; 0 where the chain waits for us."""


class DropRecord(msgspec.Struct, frozen=True):
    """A plan that never became an intent, and why: denied by a rule, or failed in simulation."""

    run_id: str
    plan: Plan
    stage: str
    """simulation | risk | signer"""
    rule: str
    limit: str
    actual: str
    recorded_at: Nanoseconds


class PayloadRecord(msgspec.Struct, frozen=True):
    """One signature. Durable before the first byte leaves for a relay."""

    intent: IntentId
    tx_hash: TxHash
    digest: bytes
    nonce: int
    raw: bytes
    recorded_at: Nanoseconds


class AttemptRecord(msgspec.Struct, frozen=True):
    """One payload handed to one route for one block, and what the route said."""

    intent: IntentId
    tx_hash: TxHash
    route: str
    target_block: int
    sent_at: Nanoseconds
    answered_after: Nanoseconds
    answer: str
    """accepted | refused: … | unknown: …"""


class OutcomeRecord(msgspec.Struct, frozen=True):
    run_id: str
    wallet: WalletName
    outcome: Outcome
    bid: Wei
    """Builder payment made (0 unless landed)."""
    recorded_at: Nanoseconds


class BlockRecord(msgspec.Struct, frozen=True):
    """Law 14: every block explains itself. Counts along the funnel; `drops` says why the rest fell out."""

    run_id: str
    block: BlockRef
    timestamp: int
    base_fee: WeiPerGas
    logs: int
    pools_touched: int
    cycles_screened: int
    opportunities: int
    """Cycles, touched now or before, that cover their gas by the float screen."""
    sized: int
    profitable: int
    """Net of gas and bid."""
    planned: int
    simulated: int
    allowed: int
    sent: int
    landed: int
    drops: dict[str, int]
    durations: dict[str, Nanoseconds]
    """Step name to time; the one part of a record that two lockstep runs may differ in."""
    resubmitted: int = 0
    """Payloads of earlier blocks handed over again for the next one."""
    pending: int = 0
    """Transactions and hints looked at since the last block; of those that went on, `planned` and what follows count."""


class OpenIntent(msgspec.Struct, frozen=True):
    """An intent the chain can still change its word on: to be watched after a start."""

    record: IntentRecord
    payloads: tuple[PayloadRecord, ...]
    outcome: Outcome | None = None
    """The last one recorded; None, or `unknown`, when the journal does not know its end."""


class LedgerEntry(msgspec.Struct, frozen=True):
    """One finished intent as the limits see it; a later entry of the same intent corrects it."""

    intent: IntentId
    wallet: WalletName
    strategy: str
    verdict: Verdict
    gas_cost: Wei
    realized_profit: Wei | None
    """In wei; None when the profit token is not the wrapped native coin."""
    recorded_at: Nanoseconds
