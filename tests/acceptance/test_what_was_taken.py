"""How much of what there was the bot took, and from whom it lost: computed by the oracle, printed with its seed."""

from collections import Counter
from fractions import Fraction

import pytest
from oracle.facts import V3Pool

pytestmark = [pytest.mark.market, pytest.mark.slow]
LEAST_SHARE = Fraction(95, 100)
MOST_LEFT_LYING = Fraction(5, 100)


def ether(wei):
    return f"{wei / 10**18:.6f} ETH"


def test_the_run_was_as_long_as_asked(all_games, say):
    for game in all_games:
        assert game.report["blocks"] == game.asked
        assert game.report["seed"] == game.seed
        assert len(game.takings.blocks) == game.asked - 1
        say(
            f"{game.name}: {game.asked} blocks, {game.report['opportunities']} opportunities, "
            f"{game.report['sent']} sent, {game.report['landed']} landed, verdicts {game.report['verdicts']}"
        )


def test_what_was_there_is_what_the_pools_hold(all_games):
    """The states that brute force looked at, against the storage of every pool at the last of them."""
    for game in all_games:
        assert game.states.differences(game.takings.blocks[-1].number - 1) == [], game.name


def test_nineteen_twentieths_of_the_uncontested_profit(all_games, say):
    """Asserted before the builder's payment and after gas: the payment is the bot's own choice; both are printed."""
    for game in all_games:
        takings = game.takings
        assert takings.possible > 0, f"{game.name}: brute force found nothing in {len(takings.blocks)} blocks"
        say(
            f"{game.name}: {len(takings.uncontested)} of {len(takings.blocks)} blocks uncontested, "
            f"{sum(1 for block in takings.uncontested if block.best.cycles)} with something to take; "
            f"possible {ether(takings.possible)}, taken {ether(takings.taken)} = {float(takings.share):.2%} "
            f"before the builder's payment, {float(takings.share_after_payment):.2%} after it"
        )
        say(
            f"{game.name}: cycles of the best sets {told(takings.shapes)}; of what landed {told(landed_shapes(game))}; "
            f"gas of {game.gas.receipts} receipts {told(game.gas.of_part)}, off by {game.gas.mean_error:.0f} on average"
        )
        lengths = Counter(shape.count("-") + 1 for shape in takings.shapes.elements())
        protocols = Counter(part for shape in takings.shapes.elements() for part in set(shape.split("-")))
        assert min(lengths[2], lengths[3], protocols["v2"], protocols["v3"]) > 0, "a sweep of nothing"
        assert takings.share >= LEAST_SHARE, worst_blocks(game)


def test_no_twentieth_is_left_lying(all_games, say):
    """Cycles of four pools, which brute force does not know, hide no missed one of two or three."""
    for game in all_games:
        takings = game.takings
        missed = [one for block in takings.uncontested for one in block.left_lying]
        shapes = Counter("-".join(one.cycle.protocols) for one in missed)
        say(
            f"{game.name}: left lying {ether(takings.left_lying)} in {len(missed)} cycles of "
            f"{sum(takings.shapes.values())} = {float(takings.share_left_lying):.2%}, {told(shapes)}; "
            f"taken block by block, nothing made up for: {float(takings.share_block_by_block):.2%}; "
            f"of four pools {sum(count for shape, count in landed_shapes(game).items() if shape.count('-') == 3)} "
            f"of {sum(landed_shapes(game).values())} cycles landed"
        )
        assert takings.share_left_lying <= MOST_LEFT_LYING, most_left(takings, game.seed)
        assert takings.share_block_by_block >= LEAST_SHARE, worst_blocks(game)


def test_a_block_is_lost_to_the_competitor_and_reported(games, say):
    """Over all games together; each bundle that was outbid is reported as such by `every verdict is true`."""
    lost = [one for game in games for one in game.lost_to_rivals]
    for one in lost[:5]:
        say(
            f"block {one.bundle.target_block}: {one.truth.verdicts['outbid']}, reported {one.reported['verdict']}"
        )
    assert lost, f"no bundle was outbid in {len(games)} games"
    assert any(one.reported["verdict"] == "outbid" for one in lost)


def told(counts):
    return ", ".join(f"{name if '-' in name else name[:8]} {count}" for name, count in sorted(counts.items()))


def landed_shapes(game):
    """Of the bot's own cycles, as the best sets'."""
    return Counter(
        "-".join("v3" if isinstance(game.pools[hop.pool], V3Pool) else "v2" for hop in cycle.hops)
        for one in game.judged
        if one.truth.mined and one.truth.mined.succeeded
        for cycle in one.bundle.call.cycles
    )


def worst_blocks(game):
    """The blocks that cost most, each with what the bot itself says of it."""
    missed = sorted(game.takings.uncontested, key=lambda block: block.taken - block.best.net)[:5]
    return f"seed {game.seed}: missed most in\n" + "\n".join(
        f"block {block.number}: {ether(block.best.net)} in {len(block.best.cycles)} cycles, "
        f"taken {ether(block.taken)}; the bot: {own_words(game.report, block.number)}"
        for block in missed
    )


def most_left(takings, seed):
    left = [(one, block.number) for block in takings.uncontested for one in block.left_lying]
    worst = sorted(left, key=lambda each: -each[0].net)[:5]
    return f"seed {seed}: left lying\n" + "\n".join(
        f"block {number}: {ether(one.net)} over {[pool.address.hex() for pool in one.cycle.path.pools]}"
        for one, number in worst
    )


def own_words(report, number):
    told = [
        f"{entry['verdict']}: {entry['reason']}"
        for entry in report["bundles"]
        if entry["target_block"] == number
    ]
    return told or f"nothing sent; dropped over the run: {report['dropped']}"
