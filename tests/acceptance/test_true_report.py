"""The report against the chain: profit to the unit, states that held, verdicts that are true."""

from fractions import Fraction

import pytest
from oracle.judge import received, rival_executions
from oracle.node import data
from oracle.venues import WETH

pytestmark = [pytest.mark.market, pytest.mark.slow]
LEAST_HELD = Fraction(80, 100)


def test_every_bundle_that_was_sent_is_reported_once(all_games):
    for game in all_games:
        reported = [data(entry["tx_hash"]) for entry in game.report["bundles"] if entry["tx_hash"]]
        assert sorted(reported) == sorted(set(reported))
        assert set(game.sent) <= set(reported), f"{game.name}: sent and not reported"
        assert game.report["sent"] == len(game.sent)
        assert {tx.hash for tx in game.ours} <= set(reported)


def test_every_verdict_is_true(all_games, say):
    for game in all_games:
        assert game.judged
        for one in game.judged:
            assert one.reported["verdict"] in one.truth.verdicts, (
                f"{game.name}, {one.reported['id']} for block {one.bundle.target_block}: reported "
                f"{one.reported['verdict']} ({one.reported.get('reason')}), true is {dict(one.truth.verdicts)}"
            )
        landed = [one for one in game.judged if one.truth.mined]
        assert game.report["landed"] == len(landed) == len(game.ours)
        say(f"{game.name}: {len(game.judged)} verdicts true, {len(landed)} of them landed")


def test_profit_is_predicted_to_the_unit(all_games, say):
    """Profit is what the recipient's balance changed by: after flash repayment and payment, before gas."""
    for game in all_games:
        landed = [one for one in game.judged if one.truth.mined]
        held = [one for one in landed if one.truth.state_held]
        say(f"{game.name}: predicted state held for {len(held)} of {len(landed)} landed bundles")
        assert landed
        assert Fraction(len(held), len(landed)) >= LEAST_HELD
        for one in landed:
            gained = balance_change(game, one)
            name = f"{game.name}, {one.reported['id']}"
            assert data(one.reported["profit_token"].lower()) == WETH
            assert received(one.truth.mined, WETH, game.market.recipient) == gained, name
            assert int(one.reported["realized_profit"]) == gained, name
            if one.truth.state_held:
                assert int(one.reported["predicted_profit"]) == gained, name


def test_predicted_state_held_is_the_oracles_word(all_games):
    for game in all_games:
        for one in game.judged:
            if one.truth.mined:
                assert one.reported["predicted_state_held"] is one.truth.state_held, one.reported["id"]


def test_gas_and_payment_are_the_chains(all_games, say):
    """The coinbase's balance grows by the tips and the payments of a block, and by nothing else."""
    for game in all_games:
        equal = 0
        for one in (one for one in game.judged if one.truth.mined):
            mined, block = one.truth.mined, one.truth.landed_in
            assert int(one.reported["gas_used"]) == mined.gas_used
            assert int(one.reported["gas_cost_wei"]) == mined.gas_used * mined.gas_price
            assert int(one.reported["bid_wei"]) == one.bundle.call.payment
            equal += int(one.reported["predicted_gas"]) == mined.gas_used
            if not rival_executions(block, game.market.wallet):
                assert coinbase_gain(game, block) - tips(block) == one.bundle.call.payment
        say(f"{game.name}: predicted gas was exact in {equal} landed bundles")


def balance_change(game, one):
    """Of the profit recipient, over the block; only one transaction of ours is in it."""
    height = one.truth.landed_in.number
    assert sum(tx.sender == game.market.wallet for tx in one.truth.landed_in.transactions) == 1
    after, before = (game.reader.token_balance(WETH, game.market.recipient, height - ago) for ago in (0, 1))
    return after - before


def tips(block):
    return sum((tx.gas_price - block.base_fee) * tx.gas_used for tx in block.transactions)


def coinbase_gain(game, block):
    after, before = (game.reader.ether_balance(block.coinbase, block.number - ago) for ago in (0, 1))
    return after - before
