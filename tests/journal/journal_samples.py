"""Records for a journal, numbered so that their order can be checked."""

from plan_samples import CHAIN_ID, WETH, plan, reservation_of, simulation_of, with_transaction

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

RUN = RunRecord("run-1", CHAIN_ID, "market", "live", 1_700_000_000 * 10**9, 2**70)
WRAPPED_NATIVE = WETH


def numbered(index):
    return b"plan %d" % index


def intent(index, nonce=7):
    sample = with_transaction(plan(numbered(index)), nonce=nonce)
    checks = (Check("wallet_known", "main", "main"),)
    return IntentRecord("run-1", sample, simulation_of(sample), reservation_of(sample), checks, index)


def payload(index, nonce=7):
    digest = keccak(b"digest" + numbered(index))
    raw = bytes(range(256)) + numbered(index)
    return PayloadRecord(intent_id(numbered(index)), keccak(raw), digest, nonce, raw, index)


def attempt(index, route="market relay"):
    return AttemptRecord(
        payload(index).intent, payload(index).tx_hash, route, 101, index, 5_000_000, "accepted"
    )


def outcome(index, verdict=Verdict.LANDED, gas_cost=2**70, profit=2**80):
    ended = Outcome(
        payload(index).intent,
        verdict,
        "in block 101, position 0",
        BlockRef(101, keccak(b"block 101")),
        payload(index).tx_hash,
        200_000,
        gas_cost,
        profit,
    )
    return OutcomeRecord("run-1", "main", ended, 2**66, index)


def drop(index):
    return DropRecord("run-1", plan(numbered(index)), "risk", "fee_per_gas", "<= 1", "2", index)


def block(number):
    ref = BlockRef(number, keccak(b"block %d" % number))
    counts = dict.fromkeys(
        (
            "logs",
            "pools_touched",
            "cycles_screened",
            "opportunities",
            "sized",
            "profitable",
            "planned",
            "simulated",
            "allowed",
            "sent",
            "landed",
        ),
        number,
    )
    return BlockRecord(
        "run-1", ref, 1_700_000_000, 2**65, drops={"stale": 2}, durations={"screen": 12}, **counts
    )
