"""A nonce counts once, at its dearest, on its day and the next."""

from plan_samples import GWEI
from signer_stage import Desk, limited, sample_transaction

from bot.core.signer_protocol import Refused, Signed

WORST = 300_000 * 20 * GWEI


def test_payloads_of_a_nonce_count_once_at_the_dearest(tmp_path):
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
    for gas in (100, 300_000, 200_000):
        assert isinstance(desk.sign(sample_transaction(gas_limit=gas)), Signed)
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=2 * WORST))
    desk.report(8)
    assert isinstance(desk.sign(sample_transaction(nonce=8)), Signed)
    desk.report(9)
    refused = desk.sign(sample_transaction(nonce=9, gas_limit=1))
    assert refused == Refused("gas_spend_per_day", f"<= {2 * WORST} wei", f"{2 * WORST + 20 * GWEI} wei")


def test_to_the_wei(tmp_path):
    assert isinstance(
        Desk(tmp_path, limits=limited(gas_spend_per_day=WORST)).sign(sample_transaction()), Signed
    )
    other = tmp_path / "other"
    other.mkdir()
    refused = Desk(other, limits=limited(gas_spend_per_day=WORST - 1)).sign(sample_transaction())
    assert refused.rule == "gas_spend_per_day"


def test_a_cheaper_payload_does_not_make_the_dearest_forgotten(tmp_path):
    """The operator lowers the limit under what is already unlanded."""
    Desk(tmp_path).sign(sample_transaction())
    lowered = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST - 1))
    assert lowered.sign(sample_transaction(gas_limit=1)).actual == f"{WORST} wei"


def test_a_new_day_carries_what_is_unlanded(tmp_path):
    """Closed on its second day, it counts on the third too."""
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
    desk.sign(sample_transaction())
    desk.day += 1
    desk.report(8)
    for _ in range(2):
        assert desk.sign(sample_transaction(nonce=8, gas_limit=1)).rule == "gas_spend_per_day"
        desk.day += 1
    assert isinstance(desk.sign(sample_transaction(nonce=8)), Signed)


def test_a_clock_that_goes_back_frees_nothing(tmp_path):
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
    desk.sign(sample_transaction())
    desk.report(8)
    for day in (desk.day - 1, 0):
        desk.day = day
        assert desk.sign(sample_transaction(nonce=8)).rule == "gas_spend_per_day"


def test_a_reorg_frees_nothing(tmp_path):
    desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
    desk.sign(sample_transaction())
    desk.report(8)
    desk.report(7)
    assert desk.sign(sample_transaction(gas_limit=1)).rule == "gas_spend_per_day"
