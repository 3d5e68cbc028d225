"""The engine's word on count and head: taken always, and worth a day's spend at most."""

from itertools import pairwise

import pytest
from plan_samples import ETHER, GWEI, execute_calldata
from signer_stage import Desk, limited, sample_transaction

from bot.core.signer_protocol import Hello, NonceNoted, Refused, Signed

WORST = 300_000 * 20 * GWEI


def window(first_block, last_block=None):
    return sample_transaction(data=execute_calldata(first_block, last_block or first_block))


@pytest.mark.parametrize("lie", [2**40, 2**63, 2**64 - 1])
def test_a_head_of_the_far_future_does_not_outlast_the_lie(tmp_path, lie):
    desk = Desk(tmp_path)
    desk.report(7, lie)
    assert isinstance(desk.sign(window(lie + 1)), Signed)
    assert desk.sign(window(101)).rule == "block_window_start"
    desk.report(7, 100)
    assert isinstance(desk.sign(window(101)), Signed)
    assert isinstance(Desk(tmp_path).sign(window(101)), Signed), "nor does it after a restart"


def test_windows_follow_the_head_up_and_down_a_reorg(tmp_path):
    desk = Desk(tmp_path)
    for head in (100, 101, 110, 107, 108, 46):
        desk.report(7, head)
        assert desk.sign(window(head)).rule == "block_window_start"
        assert isinstance(desk.sign(window(head + 1)), Signed)
        assert isinstance(desk.sign(window(head + 64, head + 71)), Signed)
        assert desk.sign(window(head + 65)).rule == "block_window_start"
        assert desk.sign(window(head + 64, head + 72)).rule == "block_window"


def test_a_new_head_alone_is_not_synced_to_disk(tmp_path):
    desk = Desk(tmp_path)
    file = desk.desk._wallets["main"]._file.path
    written = file.read_bytes()
    desk.report(7, 150)
    assert file.read_bytes() == written
    desk.sign(window(151))
    assert Desk(tmp_path, next_nonce=None).totals.head == 150


def test_a_used_nonce_waits_for_the_next_signature_and_until_then_the_disk_holds_more(tmp_path):
    """The report of every block costs no sync; a signer that dies before the next one has freed nothing."""
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = desk.desk._wallets["main"]._file.path
    written = file.read_bytes()
    assert desk.report(8) == NonceNoted(8)
    assert file.read_bytes() == written
    again = Desk(tmp_path, next_nonce=None)
    assert again.totals.next_nonce == 7
    assert again.totals.executions.open == {7: WORST}
    assert again.totals.executions.total == desk.totals.executions.total
    assert again.sign(sample_transaction(nonce=8)).rule == "nonce", "not before it is told again"
    assert isinstance(desk.sign(sample_transaction(nonce=8)), Signed)
    assert Desk(tmp_path, next_nonce=None).totals == desk.totals


@pytest.mark.parametrize("lie", [8, 10_000, 2**64 - 2])
def test_a_false_count_does_not_outlast_the_lie(tmp_path, lie):
    desk = Desk(tmp_path)
    assert desk.report(lie) == NonceNoted(lie)
    assert isinstance(desk.sign(sample_transaction(nonce=lie)), Signed)
    assert desk.report(7) == NonceNoted(7)
    assert isinstance(desk.sign(sample_transaction()), Signed)


def test_live_payloads_of_two_days_cost_no_more_than_one_day_may(tmp_path):
    """Told every time that the nonce is used, over midnight: nothing landed, and everything signed still may."""
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=10 * WORST))
    signed = {desk.day: 0, desk.day + 1: 0, desk.day + 2: 0}
    nonce = 7
    for day in signed:
        desk.day = day
        for _ in range(30):
            desk.report(nonce)
            if isinstance(desk.sign(sample_transaction(nonce=nonce)), Signed):
                signed[day] += 1
                nonce += 1
    counts = list(signed.values())
    assert counts[0] == 10
    assert all(one + next_one <= 10 for one, next_one in pairwise(counts)), counts
    desk.day += 2
    desk.report(nonce)
    assert isinstance(desk.sign(sample_transaction(nonce=nonce)), Signed), "the limit comes back"


def test_the_spend_of_yesterday_survives_a_restart(tmp_path):
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
    desk.sign(sample_transaction())
    desk.report(8)
    desk.day += 1
    desk.report(9)
    again = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST), next_nonce=None)
    again.day = desk.day
    assert again.sign(sample_transaction(nonce=9)).rule == "gas_spend_per_day"


@pytest.mark.parametrize(
    ("counts", "jumps"),
    [
        ((8, 9), 1),
        ((8,), 0),
        ((9,), 1),
        ((8, 7, 8), 0),
        ((1_000, 7), 2),
        ((70, 6), 1),
        ((71, 6), 2),
        ((7, 7, 7), 0),
        ((2**64 - 2, 0) * 5, 10),
    ],
)
def test_counts_that_the_signatures_do_not_explain_are_counted(tmp_path, counts, jumps):
    """Nonce 7 was signed: 8 is explained, and what a reorg of 64 blocks may take back. The rest is seen in `hello`."""
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    for count in counts:
        assert desk.report(count) == NonceNoted(count)
    (status,) = desk.ask(Hello()).wallets
    assert status.nonce_jumps == jumps
    assert Desk(tmp_path, next_nonce=None).totals.nonce_jumps == jumps


class TestAllWallets:
    def test_their_spend_together(self, tmp_path):
        desk = Desk(tmp_path, others=("alt",), gas_spend_per_day=3 * WORST // 2)
        desk.report(7, wallet="alt")
        assert isinstance(desk.sign(sample_transaction()), Signed)
        assert desk.sign(sample_transaction(), "alt") == Refused(
            "gas_spend_per_day_of_all_wallets", f"<= {3 * WORST // 2} wei", f"{2 * WORST} wei"
        )
        assert isinstance(desk.sign(sample_transaction(gas_limit=150_000), "alt"), Signed)
        assert isinstance(desk.sign(sample_transaction()), Signed), "again at its nonce costs no more"

    def test_what_another_wallet_spent_yesterday_and_the_day_before(self, tmp_path):
        desk = Desk(tmp_path, others=("alt",), gas_spend_per_day=WORST)
        desk.report(7, wallet="alt")
        desk.sign(sample_transaction())
        desk.report(8)
        for days, rule in ((0, False), (1, False), (1, True)):
            desk.day += days
            assert isinstance(desk.sign(sample_transaction(), "alt"), Signed) is rule

    def test_without_such_a_limit_each_has_its_own(self, tmp_path):
        desk = Desk(tmp_path, others=("alt",), limits=limited(gas_spend_per_day=WORST))
        desk.report(7, wallet="alt")
        assert isinstance(desk.sign(sample_transaction()), Signed)
        assert isinstance(desk.sign(sample_transaction(), "alt"), Signed)
        assert desk.totals.executions.total == WORST < ETHER
