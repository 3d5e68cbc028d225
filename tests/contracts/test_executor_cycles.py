"""What a good plan does, to the unit: the gain goes to the recipient and the builder, and nothing stays behind."""

import pytest
from executor_market import ETHER, cycle

TWO_HOPS = "uniswap to pancake", "pancake to uniswap"


@pytest.fixture
def plans(market, weth, token, coin):
    """Profitable cycles by name, on disjoint pairs where two of them are merged."""
    return {
        "uniswap to pancake": cycle(2 * ETHER, (market.uniswap_token, weth), (market.pancake_token, token)),
        "pancake to uniswap": cycle(2 * ETHER, (market.pancake_coin, weth), (market.uniswap_coin, coin)),
        "three hops": cycle(
            ETHER, (market.uniswap_token, weth), (market.uniswap_cross, token), (market.uniswap_coin, coin)
        ),
        "four hops": cycle(
            ETHER // 2,
            (market.uniswap_token, weth),
            (market.pancake_token, token),
            (market.pancake_coin, weth),
            (market.uniswap_coin, coin),
        ),
    }


def assert_empty_handed(executor, pairs, *tokens):
    assert executor.balance == 0
    for token in tokens:
        assert token.balanceOf(executor) == 0
        if "allowance" in token._view_methods_:
            assert all(token.allowance(executor, pair) == 0 for pair in pairs)


def traded_pairs(plan):
    return [hop[0] for hop in plan[1]]


@pytest.mark.parametrize("name", [*TWO_HOPS, "three hops", "four hops"])
def test_the_whole_gain_reaches_the_recipient(name, plans, execute, executor, recipient, weth, token, coin):
    plan, gain = plans[name]
    assert gain > 0
    execute(plan, min_profit=gain)
    assert weth.balanceOf(recipient) == gain
    assert_empty_handed(executor, traded_pairs(plan), weth, token, coin)


@pytest.mark.parametrize("name", TWO_HOPS)
def test_one_unit_more_than_the_pair_allows_reverts(name, plans, execute_refused):
    """The gains above are the greatest there are: the second opinion on our quotes is the pair's own K."""
    (amount_in, (first, last)), _ = plans[name]
    for greedy in ([(*first[:2], first[2] + 1), last], [first, (*last[:2], last[2] + 1)]):
        assert execute_refused((amount_in, greedy)) in {"UniswapV2: K", "Pancake: K"}


@pytest.mark.parametrize("share", [0, 1, 50, 100])
def test_builder_and_recipient_divide_the_gain_to_the_wei(
    share, plans, execute, executor, recipient, weth, builder, provider
):
    plan, gain = plans["uniswap to pancake"]
    payment, before = gain * share // 100, builder.balance
    receipt = execute(plan, payment=payment, min_profit=gain - payment)
    block = provider.get_block(receipt.block_number)
    mined = provider.make_request("eth_getTransactionReceipt", [receipt.txn_hash])
    tip = (int(mined["effectiveGasPrice"], 16) - block.base_fee) * receipt.gas_used
    assert builder.balance - before == payment + tip
    assert weth.balanceOf(recipient) == gain - payment
    assert_empty_handed(executor, traded_pairs(plan), weth)


def test_two_cycles_in_one_transaction(plans, execute, executor, recipient, weth, token, coin):
    merged = [plans[name] for name in TWO_HOPS]
    total = sum(gain for _, gain in merged)
    execute(*(plan for plan, _ in merged), payment=total // 3, min_profit=total - total // 3)
    assert weth.balanceOf(recipient) == total - total // 3
    assert_empty_handed(executor, traded_pairs(merged[0][0]), weth, token, coin)


def test_a_losing_cycle_takes_the_whole_transaction_with_it(plans, execute_refused, market, weth, token):
    """Also when another cycle of the same transaction could make up for it only in part."""
    winner, gain = plans["pancake to uniswap"]
    loser, loss = cycle(20 * ETHER, (market.pancake_token, weth), (market.uniswap_token, token))
    assert loss < -gain
    # WETH says no more: the Executor holds less than the first pool is to be paid.
    assert execute_refused(loser) == ""
    assert execute_refused(winner, loser) == ""


@pytest.mark.parametrize("base", ["token", "coin"])
def test_another_base_token_pays_the_recipient_in_itself(
    base, request, execute, executor, recipient, market, weth, token, coin
):
    base_token = request.getfixturevalue(base)
    amount = 2_000 * ETHER if base == "token" else 2_000 * 10**6
    legs = {
        "token": [(market.pancake_token, token), (market.uniswap_token, weth)],
        "coin": [(market.uniswap_coin, coin), (market.pancake_coin, weth)],
    }
    plan, gain = cycle(amount, *legs[base])
    assert gain > 0
    execute(plan, base=base_token, min_profit=gain)
    assert base_token.balanceOf(recipient) == gain
    assert_empty_handed(executor, traded_pairs(plan), weth, token, coin)


def test_what_lay_there_before_is_neither_spent_nor_sent(
    plans, execute, executor, recipient, weth, deployer, token
):
    """A donation must not pass for profit, nor pay for a loss."""
    weth.deposit(value=ETHER, sender=deployer)
    weth.transfer(executor, ETHER, sender=deployer)
    plan, gain = plans["uniswap to pancake"]
    execute(plan, payment=gain // 2, min_profit=gain - gain // 2)
    assert weth.balanceOf(recipient) == gain - gain // 2
    assert weth.balanceOf(executor) == ETHER


def test_a_donation_does_not_count_as_profit(execute_refused, executor, market, weth, token, deployer):
    weth.deposit(value=50 * ETHER, sender=deployer)
    weth.transfer(executor, 50 * ETHER, sender=deployer)
    loser, loss = cycle(20 * ETHER, (market.pancake_token, weth), (market.uniswap_token, token))
    assert loss < 0
    assert execute_refused(loser) == "executor: min profit"
    assert weth.balanceOf(executor) == 50 * ETHER
