"""A journal on disk, written through the real store: wins, a mistaken prediction, losses, denials and open ends.

`write_run` is the one entry. Ids are content, so the test names a plan and looks it up by `id_of`.
"""

import asyncio

from msgspec.structs import replace
from plan_samples import CHAIN_ID, ETHER, GWEI, WETH, plan, reservation_of, simulation_of, with_transaction

from bot.core.decisions import Check, Outcome, Verdict
from bot.core.identity import BlockRef, intent_id, keccak
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.journal.store import open_journal
from bot.journal.token_cache import CACHE_FILE, save_verdicts
from bot.state.token_verdicts import Checked, Safe, Undecided, Unsafe

RUN_ID = "run00001"
GAS_COST = 2 * 10**15
BID = 3 * 10**16
MISSED = ETHER // 10 - 7
"""Realised seven wei short of the prediction of 0.1 ETH."""
ENDINGS = {
    b"landed as predicted": (Verdict.LANDED, ETHER // 10, True),
    b"landed short": (Verdict.LANDED, MISSED, False),
    b"mined and reverted": (Verdict.MINED_REVERTED, None, None),
    b"taken by the competitor": (Verdict.OUTBID, None, None),
    b"end unknown": (Verdict.UNKNOWN, None, None),
}
OPEN = b"still open"
DENIED, REVERTED_ON_TRIAL = b"denied", b"reverted in simulation"
BLOCKS = (101, 102, 103)


def id_of(name):
    return intent_id(name)


def intent(name, nonce=7):
    sample = with_transaction(plan(name, payment=BID), nonce=nonce)
    checks = (Check("fee_per_gas", str(50 * GWEI), str(20 * GWEI)), Check("wallet_known", "main", "main"))
    return IntentRecord(RUN_ID, sample, simulation_of(sample), reservation_of(sample), checks, 5)


def payload(name):
    fields = intent(name).plan.transaction
    return PayloadRecord(id_of(name), keccak(name), fields.digest(), fields.nonce, b"\x02" + name, 6)


def outcome(name):
    verdict, profit, held = ENDINGS[name]
    mined = verdict in (Verdict.LANDED, Verdict.MINED_REVERTED)
    end = Outcome(
        intent=id_of(name),
        verdict=verdict,
        reason=f"{name.decode()} in block 101",
        block=BlockRef(101, keccak(b"block 101")) if mined else None,
        tx_hash=keccak(name) if mined else None,
        gas_used=200_000 if mined else None,
        gas_cost=GAS_COST if mined else None,
        realized_profit=profit,
        predicted_state_held=held,
    )
    return OutcomeRecord(RUN_ID, "main", end, BID if verdict is Verdict.LANDED else 0, 7)


def drop(name, stage, rule):
    return DropRecord(RUN_ID, plan(name), stage, rule, "at most 1", "2", 8)


def block(number, **counts):
    zeros = dict.fromkeys(
        ("logs", "pools_touched", "cycles_screened", "opportunities", "sized", "profitable"), 4
    ) | dict.fromkeys(("planned", "simulated", "allowed", "sent", "landed"), 1)
    return BlockRecord(
        run_id=RUN_ID,
        block=BlockRef(number, keccak(b"block %d" % number)),
        timestamp=1_700_000_000 + 12 * number,
        base_fee=7 * GWEI + 49_000_000,
        drops={"risk: fee_per_gas": 1},
        durations={"search": 1000 * number},
        **(zeros | counts),
    )


CHECKED = tuple(
    Checked(keccak(str(verdict).encode())[12:], verdict, BlockRef(100, bytes(32)), 0)
    for verdict in (
        Safe(),
        Unsafe("fee on sale", "100 sent to a pool, 99 arrived"),
        Undecided("no answer in 2 s"),
    )
)


def write_run(folder, *, blocks=BLOCKS):
    """Returns the folder, which then holds the journal of one finished run, and verdicts about three tokens."""
    asyncio.run(_write(folder, blocks))
    save_verdicts(folder / CACHE_FILE, CHAIN_ID, bytes(32), CHECKED)
    return folder


def records(blocks=BLOCKS):
    """Everything in the order a run writes it."""
    yield RunRecord(RUN_ID, CHAIN_ID, "market", "live", 1_700_000_000 * 10**9, 7)
    for name in (*ENDINGS, OPEN):
        yield intent(name)
        yield payload(name)
        yield AttemptRecord(id_of(name), keccak(name), "market", 101, 6, 2_900_000, "accepted")
    yield drop(DENIED, "risk", "fee_per_gas")
    yield drop(REVERTED_ON_TRIAL, "simulation", "reverted")
    for name in ENDINGS:
        yield outcome(name)
    for number in blocks:
        yield block(number)


async def record(journal, one):
    """To the method of core.ports.Journal that takes it."""
    await getattr(journal, f"record_{type(one).__name__.removesuffix('Record').lower()}")(one)


async def _write(folder, blocks):
    store = open_journal(folder / "journal.sqlite3", WETH)
    try:
        for one in records(blocks):
            await record(store, one)
    finally:
        await store.close()


def later_landed(name, block_number):
    """An outcome of `name` in another block, as a reorg would leave it."""
    end = outcome(name)
    ref = BlockRef(block_number, keccak(b"block %d" % block_number))
    return replace(end, outcome=replace(end.outcome, block=ref))
