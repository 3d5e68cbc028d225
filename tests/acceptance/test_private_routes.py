"""Nothing of ours is public, nothing of ours reverts, and what may revert goes only where reverts are dropped."""

import pytest
from oracle.executor_calldata import is_execute
from oracle.request_log import from_sender

pytestmark = [pytest.mark.market, pytest.mark.slow]


def test_all_that_landed_came_through_the_relay(games, say):
    for game in games:
        in_bundles = {
            tx.hash for request in game.our_requests if request.is_bundle for tx in request.transactions
        }
        mined = {tx.hash for tx in game.ours}
        say(f"seed {game.seed}: {len(in_bundles)} transactions in bundles, {len(mined)} mined")
        assert mined
        assert mined <= in_bundles


def test_nothing_of_ours_was_ever_announced_as_pending(games, say):
    for game in games:
        ours = {tx.hash for request in game.our_requests for tx in request.transactions}
        ours |= {tx.hash for tx in game.ours}
        say(
            f"seed {game.seed}: {len(game.announced)} public transactions heard, {len(ours & game.announced)} ours"
        )
        assert game.announced, "the watch heard nothing at all"
        assert not ours & game.announced
        assert game.report["public_sends"] == 0
        assert game.report["public_cancels"] == 0


def test_no_transaction_of_ours_is_mined_as_reverted(games):
    for game in games:
        assert [tx.hash.hex() for tx in game.ours if not tx.succeeded] == [], f"seed {game.seed}"
        assert game.report["mined_reverted"] == 0


def test_the_unprotected_route_got_nothing_that_can_revert(games):
    """An execution with a minimum profit reverts by design where it does not pay."""
    for game in games:
        assert game.market.variables()["BOT_RELAYS"].split(",") == ["market", "market-unprotected"]
        unprotected = [one for one in game.market.requests() if one.endpoint == "market-unprotected"]
        risky = [
            tx.hash.hex()
            for one in from_sender(unprotected, game.market.wallet)
            for tx in one.transactions
            if is_execute(tx.data) or tx.data
        ]
        assert risky == [], f"seed {game.seed}"
