"""Stories as a run leaves them: one bundle each, with as much of its end as the test needs."""

from msgspec.structs import replace
from plan_samples import ETHER, GWEI, HEAD, OPERATOR, plan, reservation_of, simulation_of

from bot.core.cost_terms import CostTerms
from bot.core.decisions import BlockEnvironment, Check, Outcome, Rival, Verdict
from bot.core.identity import BlockRef, keccak
from bot.core.pending import Behind, PendingTransaction
from bot.core.records import AttemptRecord, BlockRecord, IntentRecord, OutcomeRecord, PayloadRecord
from bot.journal.read import Story

SLOT = 1_700_000_012
"""Time of block 101."""
BUILDER = keccak(b"builder")[:20]
RIVAL = keccak(b"rival")[:20]
BID = 3 * 10**16
COSTS = CostTerms(200_500, 7 * GWEI + 49, GWEI, payment=BID)


def behind(raw=b"\x02whole"):
    known = PendingTransaction(raw, keccak(raw), 2, RIVAL, 0, OPERATOR, 0, b"", 100_000, GWEI, GWEI)
    return Behind("node", known.hash, known)


def hinted():
    return Behind("mev-share", keccak(b"hidden"), None)


def rival(**changes):
    """200 gwei a gas, to the wei: a quarter more than ours."""
    fields = Rival(keccak(b"taken"), RIVAL, 3, 2, GWEI, 200 * GWEI * 190_000, 1, 190_000)
    return replace(fields, **changes)


def attempt(route="market", block=101, into_slot_ms=-1_250, answer="accepted", after_ms=2.9):
    sent_at = SLOT * 10**9 + into_slot_ms * 10**6
    return AttemptRecord("", keccak(b"payload"), route, block, sent_at, int(after_ms * 10**6), answer)


def story(verdict=None, *attempts, name=b"a story", end=None, **changes):
    """Bid 90 % of the net profit, unless `changes` of the plan say otherwise."""
    bid = {"payment": BID, "bid_share": 9_000, "bid_reason": "fixed: 3 of 40 outcomes are known"}
    sample = plan(name, **(bid | changes))
    environment = BlockEnvironment(101, SLOT, 7 * GWEI, 30_000_000, BUILDER)
    simulation = simulation_of(sample, gas_used=200_000, environment=environment)
    checks = (Check("fee_per_gas", "50", "20"), Check("wallet_known", "main", "main"))
    intent = IntentRecord("run", sample, simulation, reservation_of(sample), checks, 5)
    payload = PayloadRecord(
        sample.id, keccak(b"payload"), sample.transaction.digest(), sample.transaction.nonce, b"\x02", 6
    )
    outcomes = ()
    if verdict is not None:
        ended = Outcome(sample.id, verdict, f"{verdict.value} for a reason", **(end or {}))
        outcomes = (OutcomeRecord("run", "main", ended, 0, 7),)
    return Story(sample.id, intent, (), (payload,), attempts or (attempt(),), outcomes)


def landed(*attempts, **changes):
    end = {
        "block": BlockRef(101, keccak(b"block 101")),
        "tx_hash": keccak(b"payload"),
        "gas_used": 200_500,
        "gas_cost": COSTS.gas_cost,
        "realized_profit": ETHER // 10,
        "predicted_state_held": True,
        "costs": COSTS,
        "builder": BUILDER,
        "builder_name": "Titan (titanbuilder.xyz)",
    }
    return story(Verdict.LANDED, *attempts, end=end | changes.pop("end", {}), **changes)


def outbid(*attempts, by=None, **changes):
    end = {"rival": rival() if by is None else by, "builder": BUILDER}
    return story(Verdict.OUTBID, *attempts, end=end, **changes)


def block_record(ref=HEAD, **durations):
    counts = dict.fromkeys(
        ("logs", "pools_touched", "cycles_screened", "opportunities", "sized", "profitable"), 1
    ) | dict.fromkeys(("planned", "simulated", "allowed", "sent", "landed"), 1)
    return BlockRecord("run", ref, 1, 7, drops={}, durations=durations, **counts)
