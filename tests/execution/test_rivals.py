"""Who took our pools, what it cost him, how short and how late we were: from facts, and from a block of any shape."""

import pytest
from execution_stage import CONFIG, GWEI, RIVAL, TRADER, WETH, address, head_at, plan_on, sync_log, tx_hash
from fake_chain_reader import SILENCE
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from verdict_stage import block, decide, facts, touch

from bot.core.decisions import Outcome, Rival, Verdict
from bot.core.identity import keccak
from bot.core.pending import Behind
from bot.core.ports import MinedTransaction, Receipt
from bot.core.result import Ok
from bot.core.units import Gas, Wei, WeiPerGas
from bot.execution.block_facts import Aim, Attempt
from bot.execution.post_mortem import decide_verdict
from bot.execution.rival import RivalBlock, payment_in_words, shortfall, with_payment
from bot.execution.second_look import is_worth_a_look, second_look

PLAN = plan_on(head_at(100))
HEAD = head_at(101)
POOL = PLAN.opportunities[0].legs[0].pool
TAKER = Rival(tx_hash("taker"), RIVAL, 0, 1, None, None)


def mined(name, sender, *, to=None, tip=0, gas=100_000, value=0, inputs=4, pools=(), succeeded=True, index=0):
    logs = tuple(sync_log(pool, name, place) for place, pool in enumerate(pools))
    to = address(f"contract of {name}") if to is None else to
    return (
        MinedTransaction(tx_hash(name), sender, to, 0, index, Wei(value), inputs),
        Receipt(
            tx_hash(name),
            HEAD.ref,
            succeeded,
            Gas(gas),
            WeiPerGas(HEAD.base_fee + tip),
            logs if succeeded else (),
        ),
    )


def gained_by(transactions, inside):
    """What the coinbase's balance grows by when contracts pay it `inside` beside what a block shows."""
    gained = inside
    for tx, receipt in transactions:
        gained += receipt.gas_used * (receipt.effective_gas_price - HEAD.base_fee)
        value = tx.value if receipt.succeeded else 0
        gained += value * (tx.to == HEAD.coinbase)
        gained -= (value + receipt.gas_used * receipt.effective_gas_price) * (tx.sender == HEAD.coinbase)
    return gained


def block_of(*transactions, inside=0, withdrawn=0, before=10**30):
    return RivalBlock(
        HEAD, transactions, before, before + gained_by(transactions, inside) + withdrawn, withdrawn
    )


TAKES = mined("taker", RIVAL, pools=(POOL,))
TIPS = mined("taker", RIVAL, pools=(POOL,), tip=3 * GWEI)
SWAP = mined("swap", TRADER, tip=2 * GWEI, index=1)
GIFT = mined("gift", TRADER, to=HEAD.coinbase, value=5, inputs=0, gas=21_000, tip=GWEI, index=1)
REFUND = mined("refund", HEAD.coinbase, to=TRADER, value=9_999, inputs=0, gas=21_000, index=1)
TRANSFER = mined("transfer", TRADER, to=RIVAL, value=7, inputs=0, gas=21_000, tip=GWEI, index=1)
APPROVAL = mined("approval", TRADER, to=WETH, tip=GWEI, index=1)
FAILED = mined("failed", TRADER, succeeded=False, tip=GWEI, value=3, index=1)
BLOCKS = {
    "alone: exact": ((TAKES,), 1),
    "his tip counts": ((TIPS,), 1),
    "beside one who called some contract: at most": ((TAKES, SWAP), 2),
    "beside a transfer to the builder": ((TAKES, GIFT), 1),
    "beside a refund of the builder's": ((TAKES, REFUND), 1),
    "beside a plain transfer": ((TAKES, TRANSFER), 1),
    "beside a call of a token of the plan": ((TAKES, APPROVAL), 1),
    "beside one that failed": ((TAKES, FAILED), 1),
    "beside all of them": ((TIPS, SWAP, GIFT, REFUND, TRANSFER, APPROVAL, FAILED), 2),
}


@pytest.mark.parametrize("case", BLOCKS)
@pytest.mark.parametrize("withdrawn", [0, 32 * 10**18])
def test_what_the_rival_paid(case, withdrawn):
    transactions, payers = BLOCKS[case]
    paid = with_payment(TAKER, PLAN, block_of(*transactions, inside=10**16, withdrawn=withdrawn))
    tip = 100_000 * (3 * GWEI if transactions[0] is TIPS else 0)
    assert (paid.tip_paid, paid.paid_at_most, paid.payers) == (tip, 10**16 + tip, payers)
    assert paid.gas_used == 100_000


PARTS = st.lists(st.sampled_from([SWAP, GIFT, REFUND, TRANSFER, APPROVAL, FAILED]), unique_by=id, max_size=6)


@given(PARTS, st.integers(0, 10**18), st.integers(0, 10**18), st.integers(0, 10**20))
def test_never_less_than_he_paid(beside, his, theirs, withdrawn):
    """Others pay from inside only where they ran code that is not known."""
    others_pay = theirs if SWAP in beside else 0
    paid = with_payment(TAKER, PLAN, block_of(TIPS, *beside, inside=his + others_pay, withdrawn=withdrawn))
    his_tip = 300_000 * GWEI
    assert paid.paid_at_most == his + others_pay + his_tip >= his + his_tip
    assert (paid.payers == 1) == (SWAP not in beside)


def test_a_coinbase_that_pays_out_from_inside_says_nothing():
    paid = with_payment(TAKER, PLAN, block_of(TAKES, inside=-1))
    assert (paid.paid_at_most, paid.tip_paid) == (None, 0)
    assert "does not show" in payment_in_words(PLAN, paid)
    assert shortfall(PLAN, paid, Gas(1)) is None


def test_a_block_without_him_changes_nothing():
    assert with_payment(TAKER, PLAN, block_of(SWAP, inside=1)) == TAKER


def test_how_short_is_told_for_each_gas_in_wei_and_per_cent():
    plan = replace(PLAN, payment=Wei(500 * 200_000))
    rival = replace(TAKER, tip_paid=0, paid_at_most=Wei(646 * 190_000 + 1), payers=1, gas_used=Gas(190_000))
    short = shortfall(plan, rival, Gas(200_000))
    assert (short.his, short.ours, short.short, short.short_bps) == (647, 500, 147, 2272)
    assert shortfall(plan, replace(rival, paid_at_most=Wei(0)), Gas(200_000)).short == -500
    told = payment_in_words(replace(plan, payment=Wei(0)), rival)
    assert "he paid the builder 122740001 wei, tip of 0 wei included: 647 wei for each of 190000 gas" in told
    assert "647 wei or 100.00 % short" in told
    assert "at most, for 3 transactions may share it" in payment_in_words(plan, replace(rival, payers=3))
    assert "it was not the bid" in payment_in_words(plan, replace(rival, paid_at_most=Wei(1)))


def test_a_verdict_names_the_rival_and_the_builder_without_another_read():
    head = replace(HEAD, extra_data=b"Titan (titanbuilder.xyz)")
    told = decide(target=block(touch(tip=2 * GWEI, index=4), head=head))
    assert told.rival == Rival(tx_hash("touch"), RIVAL, 4, 2, 2 * GWEI * 200_000, None, 0, Gas(200_000))
    assert (told.builder, told.builder_name) == (HEAD.coinbase, "Titan (titanbuilder.xyz)")
    assert is_worth_a_look(told)
    assert decide(target=block(touch(tip=None))).rival.tip_paid is None, "not read is no zero"


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        (b"", ""),
        (b"\xd8\x83\x01\x10\x04\x84geth\x88go1.25.1\x85linux", "geth go1.25.1 linux"),
        (b"\x01" + bytes(15) + b"7", ""),
        ("größer".encode(), "gr er"),
        (b"a\nb", "a b"),
    ],
)
def test_a_builders_name_is_printable_or_none(extra, name):
    assert decide(target=block(head=replace(HEAD, extra_data=extra))).builder_name == name


def test_how_late():
    def late(*answered):
        attempts = tuple(Attempt("relay", Ok("0x"), at) for at in answered)
        return decide(target_seen_at=1_000, attempts=attempts)

    assert (late(1_500, 1_250).verdict, late(1_500, 1_250).late_by) == (Verdict.LATE, 250)
    silent = decide(attempts=(Attempt("relay", SILENCE, 1_500),))
    assert (silent.verdict, silent.late_by) == (Verdict.LATE, None)


WIDE = plan_on(head_at(100), config=replace(CONFIG, window_blocks=3))
DEAR = WIDE.transaction.max_fee_per_gas + 1


def over_window(*blocks, attempts=None):
    """The verdict on a plan for blocks 101 to 103; by default each was aimed at and accepted in time."""
    aims = tuple(Aim(found.value.head.number, found, 1_000) for found in blocks)
    if attempts is None:
        attempts = tuple(Attempt("relay", Ok("0x"), 999, aim.number) for aim in aims)
    known = replace(facts(), plan=WIDE, head=head_at(103), aims=aims, attempts=attempts)
    return decide_verdict(known, CONFIG.executor, CONFIG.profit_recipient)


def empty(number, base_fee=GWEI):
    return block(head=head_at(number, base_fee=base_fee))


def taken(number, base_fee=GWEI):
    return block(touch(name=f"taker of {number}"), head=head_at(number, base_fee=base_fee))


WINDOWS = {
    "taken in the second block": ((empty(101), taken(102), empty(103)), Verdict.OUTBID, "block 102"),
    "taken twice: the first": ((taken(101), taken(102)), Verdict.OUTBID, "block 101"),
    "taken where the fee had moved beyond ours": (
        (taken(101, DEAR), empty(102)),
        Verdict.EXPIRED,
        "block 102 passed",
    ),
    "too dear in every block": ((empty(101, DEAR), taken(103, DEAR)), Verdict.BASE_FEE_MOVED, "block 103"),
    "nobody, in any": ((empty(101), empty(102), empty(103)), Verdict.EXPIRED, "blocks 101, 102, 103"),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_every_block_of_the_window_that_was_aimed_at(case):
    blocks, verdict, words = WINDOWS[case]
    told = over_window(*blocks)
    assert told.verdict is verdict
    assert words in told.reason


def test_each_attempt_is_held_against_its_own_block():
    on_time_for_second = (Attempt("relay", Ok("0x"), 1_001, 101), Attempt("relay", Ok("0x"), 999, 102))
    told = over_window(taken(101), taken(102), attempts=on_time_for_second)
    assert told.verdict is Verdict.OUTBID
    assert told.rival.tx_hash == tx_hash("taker of 102"), "for block 101 it came too late"
    late = over_window(taken(101), taken(102), attempts=(Attempt("relay", Ok("0x"), 1_001, 101),))
    assert (late.verdict, late.late_by) == (Verdict.LATE, 1)


FOLLOWED = touch(TRADER, pools=1, moved=1, tip=10**12, name="followed")


@pytest.mark.parametrize("name", [tx_hash("followed"), keccak(tx_hash("followed"))], ids=["known", "hinted"])
def test_what_a_back_run_follows_is_no_rival(name):
    plan = replace(PLAN, behind=Behind("stream", name, None))

    def told(*touches):
        return decide(plan=plan, target=block(*touches))

    assert decide(target=block(FOLLOWED)).verdict is Verdict.OUTBID, "to a plan of its own it would be"
    assert told(FOLLOWED).verdict is Verdict.EXPIRED
    assert told(FOLLOWED, touch(index=1)).rival.tx_hash == tx_hash("touch")
    gone = told(touch())
    assert gone.verdict is Verdict.EXPIRED
    assert f"what it was to follow, 0x{name.hex()}, moved none of our pools" in gone.reason


class Reader:
    """One block; any of its reads can fail."""

    def __init__(self, seen, failing=""):
        self.seen, self.failing = seen, failing

    def _or_silence(self, method, value):
        async def answer(*_asked):
            return SILENCE if method == self.failing else Ok(value)

        return answer

    def __getattr__(self, method):
        seen = self.seen
        values = {
            "receipt": seen.mined[0][1],
            "head_by_hash": seen.head,
            "transactions": tuple(tx for tx, _ in seen.mined),
            "receipts": tuple(receipt for _, receipt in seen.mined),
            "withdrawn": seen.withdrawn,
        }
        return self._or_silence(method, values[method])

    async def balance(self, of, at):
        assert of == HEAD.coinbase
        value = {HEAD.hash: self.seen.after, HEAD.parent_hash: self.seen.before}[at.hash]
        return SILENCE if self.failing == "balance" else Ok(value)


LOST = Outcome(PLAN.id, Verdict.OUTBID, "he took it", rival=TAKER)


async def test_the_second_look_adds_what_he_paid():
    told = await second_look(Reader(block_of(TAKES, SWAP, inside=77)), PLAN, LOST)
    assert (told.verdict, told.rival.paid_at_most, told.rival.payers) == (Verdict.OUTBID, 77, 2)
    assert told.reason.startswith("he took it; he paid the builder at most")
    assert await second_look(Reader(block_of(TAKES)), PLAN, told) is told, "once is enough"


@pytest.mark.parametrize(
    "failing", ["receipt", "head_by_hash", "transactions", "receipts", "balance", "withdrawn"]
)
async def test_a_read_that_failed_is_told_and_is_no_zero(failing):
    told = await second_look(Reader(block_of(TAKES, inside=77), failing), PLAN, LOST)
    assert told.rival == TAKER
    assert told.reason == "he took it; what he paid the builder could not be read: silence"


async def test_who_lost_to_nobody_asks_nothing():
    landed = Outcome(PLAN.id, Verdict.LANDED, "landed")
    assert await second_look(None, PLAN, landed) is landed
