"""Throwaway keys follow from the seed; what they sign is what the reference implementation signs."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import to_checksum
from bot.core.transaction import TransactionFields
from bot.world.accounts import ThrowawayAccount, trader_accounts, traffic_account

words = st.integers(min_value=0, max_value=2**64)


@given(words, words, st.binary(min_size=20, max_size=20), st.binary(max_size=100))
@settings(max_examples=50, deadline=None)
def test_signs_as_eth_account_does(seed, amount, to, data):
    account = ThrowawayAccount(seed, "trader")
    raw, tx_hash = account.sign(TransactionFields(31337, 3, 4, amount, 21_000, to, amount, data))
    reference = Account.from_key(account.private_key)
    signed = reference.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": 3,
            "maxPriorityFeePerGas": 4,
            "maxFeePerGas": amount,
            "gas": 21_000,
            "to": to,
            "value": amount,
            "data": data,
        }
    )
    assert (raw, tx_hash) == (bytes(signed.raw_transaction), bytes(signed.hash))
    assert reference.address == to_checksum(account.address)


@pytest.mark.parametrize("other", [(8, "trader", 0), (7, "traffic", 0), (7, "trader", 1)])
def test_seed_role_and_index_each_make_another_key(other):
    assert ThrowawayAccount(7, "trader", 0).private_key == ThrowawayAccount(7, "trader").private_key
    assert ThrowawayAccount(*other).private_key != ThrowawayAccount(7, "trader", 0).private_key


def test_nobody_is_two_people():
    addresses = [a.address for seed in (7, 8) for a in (*trader_accounts(seed), traffic_account(seed))]
    assert len(set(addresses)) == len(addresses) == 18
