"""What an outcome says the wallet paid is all of it: ledger and daily limits count by it alone."""

from execution_stage import GWEI
from msgspec.structs import replace
from verdict_stage import TARGET, decide, own, receipt

from bot.core.result import Ok
from bot.core.units import Wei


def test_a_rollup_s_data_fee_is_paid_too():
    for succeeded in (True, False):
        found = replace(receipt(succeeded=succeeded), l1_fee=Wei(7 * GWEI))
        outcome = decide(payloads=(own(Ok(found), mined_in=TARGET),))
        assert outcome.gas_cost == 140_000 * GWEI + 7 * GWEI
        assert f"{7 * GWEI} of them" in outcome.reason
        assert outcome.gas_cost == outcome.costs.gas_cost + outcome.costs.l1_fee


def test_nothing_is_said_of_it_where_there_is_none():
    outcome = decide(payloads=(own(Ok(receipt()), mined_in=TARGET),))
    assert (outcome.gas_cost, outcome.reason.count("of them")) == (140_000 * GWEI, 0)
