"""Facts about one intent and its verdict: what every test of verdicts bends one part of."""

from execution_stage import CONFIG, GWEI, RIVAL, head_at, plan_on, profit_log, tx_hash
from msgspec.structs import replace

from bot.core.identity import IntentId
from bot.core.ports import Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, WeiPerGas
from bot.execution.block_facts import Aim, Attempt, BlockFacts, OwnPayload, TargetBlock, Touch
from bot.execution.post_mortem import decide_verdict

PLAN = plan_on(head_at(100))
TARGET = head_at(101)
POOLS = [leg.pool for leg in PLAN.opportunities[0].legs]
BID = PLAN.payment // PLAN.transaction.gas_limit
SEEN_AT = 1_000
ACCEPTED = Attempt("relay", Ok("0xbundle"), SEEN_AT - 1)
SILENT = Attempt("relay", Unknown("no answer within 2 s"), SEEN_AT - 1)
REFUSED = Attempt("relay", Reverted("bad bundle"), SEEN_AT - 1)
OTHER = IntentId("otherone")


def receipt(name="payload", succeeded=True, block=TARGET, logs=None):
    logs = (profit_log(PLAN.predicted_profit),) if logs is None else logs
    return Receipt(
        tx_hash(name), block.ref, succeeded, Gas(140_000), WeiPerGas(GWEI), logs if succeeded else ()
    )


NOT_MINED = Ok(None)


def own(found=NOT_MINED, name="payload", intent=PLAN.id, mined_in=None):
    return OwnPayload(tx_hash(name), intent, found, mined_in)


def touch(sender=RIVAL, pools=2, moved=2, tip=0, index=0, name="touch"):
    gas = None if tip is None else Gas(200_000)
    return Touch(tx_hash(name), sender, index, frozenset(POOLS[:pools]), moved, tip, gas)


def block(*touches, head=TARGET):
    return Ok(TargetBlock(head, touches))


def facts(**changes):
    """The target block stands, empty; a route had accepted in time; our nonce is open.

    `target` and `target_seen_at` are of the one block aimed at.
    """
    aim = Aim(101, changes.pop("target", block()), changes.pop("target_seen_at", SEEN_AT))
    known = BlockFacts(
        plan=PLAN,
        head=TARGET,
        next_nonce=Ok(7),
        payloads=(own(),),
        nonce_taken_by=Ok(None),
        aims=(aim,),
        attempts=(ACCEPTED,),
        left_block=None,
        is_cancelled=False,
    )
    return replace(known, **changes)


def decide(**changes):
    return decide_verdict(facts(**changes), CONFIG.executor, CONFIG.profit_recipient)
