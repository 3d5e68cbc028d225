"""The public mempool by itself: the order it offers, what waits, what replaces, what it forgets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import Address, TxHash, keccak
from bot.costs.gas_schedule import gas_schedule
from bot.world.json_rpc import RpcError
from bot.world.mempool import Mempool
from bot.world.raw_transaction import RawTransaction
from bot.world.transaction_checks import Account

SENDERS = [Address(bytes([i]) * 20) for i in range(1, 5)]
RICH = Account(0, 10**24)


def transaction(sender, nonce, tip, cap, gas=21_000, salt=0):
    name = keccak(repr((sender, nonce, tip, cap, gas, salt)).encode())
    return RawTransaction(
        raw=name, hash=TxHash(name), type=2, chain_id=1, sender=sender, nonce=nonce, max_fee_per_gas=cap,
        max_priority_fee_per_gas=tip, gas_limit=gas, to=SENDERS[0], value=0, data=b"", access_list=(), v=0, r=0, s=0,
    )  # fmt: skip


def pool():
    return Mempool(1, gas_schedule("osaka"), 30_000_000)


entries = st.lists(
    st.tuples(
        st.sampled_from(SENDERS),
        st.integers(min_value=0, max_value=5),
        st.integers(min_value=0, max_value=20),
        st.integers(min_value=20, max_value=60),
    ),
    max_size=25,
    unique_by=lambda entry: entry[:2],
)


@given(entries, st.integers(min_value=0, max_value=60), st.randoms())
@settings(max_examples=300, deadline=None)
def test_order_keeps_nonces_takes_the_best_payer_and_ignores_arrival(chosen, base_fee, shuffle):
    accounts = dict.fromkeys(SENDERS, RICH)
    first, second = pool(), pool()
    listed = [transaction(*entry) for entry in chosen]
    for tx in listed:
        first.add(tx, RICH)
    shuffle.shuffle(listed)
    for tx in listed:
        second.add(tx, RICH)
    ordered = first.executable(base_fee, accounts)
    assert ordered == second.executable(base_fee, accounts)
    heads = dict.fromkeys(SENDERS, 0)
    left = {(tx.sender, tx.nonce): tx for tx in listed}
    for tx in ordered:
        ready = [
            other
            for sender in SENDERS
            if (other := left.get((sender, heads[sender]))) and other.max_fee_per_gas >= base_fee
        ]
        assert tx in ready
        assert tx.effective_tip(base_fee) == max(other.effective_tip(base_fee) for other in ready)
        heads[tx.sender] += 1
    stuck = [left.get((sender, heads[sender])) for sender in SENDERS]
    assert all(tx is None or tx.max_fee_per_gas < base_fee for tx in stuck)


def test_balance_covers_the_line_not_each_alone():
    mempool, sender = pool(), SENDERS[0]
    account = Account(0, 2 * 21_000 * 50 + 1)
    for nonce in range(3):
        mempool.add(transaction(sender, nonce, 1, 50), account)
    assert [tx.nonce for tx in mempool.executable(10, {sender: account})] == [0, 1]


@pytest.mark.parametrize(("tip", "cap", "passes"), [(11, 110, True), (10, 110, False), (11, 109, False)])
def test_replacement_needs_both_fees_a_tenth_higher(tip, cap, passes):
    mempool, sender = pool(), SENDERS[0]
    old, new = transaction(sender, 0, 10, 100), transaction(sender, 0, tip, cap)
    mempool.add(old, RICH)
    if passes:
        mempool.add(new, RICH)
    else:
        with pytest.raises(RpcError, match="replacement transaction underpriced"):
            mempool.add(new, RICH)
    kept, gone = (new, old) if passes else (old, new)
    assert mempool.get(kept.hash) == kept
    assert mempool.get(gone.hash) is None
    assert len(mempool) == 1


def test_settling_forgets_used_nonces_alone():
    mempool, sender = pool(), SENDERS[0]
    for nonce in (0, 1, 3):
        mempool.add(transaction(sender, nonce, 1, 50), RICH)
    assert mempool.next_nonce(sender, 0) == 2
    mempool.settle({sender: Account(1, 10**24)})
    assert len(mempool) == 2
    assert mempool.next_nonce(sender, 1) == 2
    mempool.settle({sender: Account(4, 10**24)})
    assert (len(mempool), mempool.senders()) == (0, ())


def test_listeners_hear_what_came_in_and_nothing_else():
    mempool, heard = pool(), []
    mempool.on_pending(heard.append)
    tx = transaction(SENDERS[0], 0, 1, 50)
    mempool.add(tx, RICH)
    for refused in (tx, transaction(SENDERS[0], 0, 1, 51), transaction(SENDERS[1], 0, 9, 8)):
        with pytest.raises(RpcError):
            mempool.add(refused, RICH)
    assert heard == [tx]
