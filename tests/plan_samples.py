"""A plan that passes every check and every rule of the signer, for tests to bend one field at a time."""

import msgspec
from eth_account import Account

from bot.core.decisions import BlockEnvironment, Leg, Opportunity, Plan, Reservation, Simulation, Window
from bot.core.identity import ZERO_ADDRESS, BlockRef, intent_id, keccak
from bot.core.transaction import TransactionFields
from bot.protocols.executor import Cycle, Hop, encode_execute

CHAIN_ID = 31337
OPERATOR_SECRET = keccak(b"operator of the tests")
OPERATOR = bytes.fromhex(Account.from_key(OPERATOR_SECRET).address[2:])
EXECUTOR = keccak(b"executor")[:20]
WETH = keccak(b"weth")[:20]
TOKEN = keccak(b"token")[:20]
POOLS = (keccak(b"pool one")[:20], keccak(b"pool two")[:20])
HEAD = BlockRef(100, keccak(b"block 100"))
GWEI = 10**9
ETHER = 10**18


def execute_calldata(first_block=101, last_block=101, min_profit=None, payment=0, hops=2, gain=ETHER // 20):
    """The whole gain but for the payment is demanded, unless `min_profit` says otherwise."""
    out = 5 * ETHER + gain
    cycle = Cycle(
        5 * ETHER,
        tuple(Hop(POOLS[i % 2], i % 2 == 0, out if i == hops - 1 else 7 * ETHER + i) for i in range(hops)),
    )
    min_profit = gain - payment if min_profit is None else min_profit
    return encode_execute((cycle,), WETH, min_profit, payment, first_block, last_block)


def transaction(**changes):
    fields = {
        "chain_id": CHAIN_ID,
        "nonce": 7,
        "max_priority_fee_per_gas": 0,
        "max_fee_per_gas": 20 * GWEI,
        "gas_limit": 300_000,
        "to": EXECUTOR,
        "value": 0,
        "data": execute_calldata(),
    }
    return TransactionFields(**(fields | changes))


def plan(name=b"plan", **changes):
    """Predicted 0.1 ETH against gas of at most 0.006 ETH."""
    fields = {
        "id": intent_id(name),
        "strategy": "arbitrage",
        "wallet": "main",
        "sender": OPERATOR,
        "opportunities": (opportunity(),),
        "state": HEAD,
        "target_block": 101,
        "window": Window(101, 101),
        "transaction": transaction(),
        "profit_token": WETH,
        "predicted_profit": ETHER // 10,
        "min_profit": ETHER // 20,
        "payment": 0,
        "notional": 5 * ETHER,
    }
    return Plan(**(fields | changes))


def opportunity():
    legs = (
        Leg("uniswap_v2", POOLS[0], WETH, TOKEN, True, 5 * ETHER, 2**80 + 1),
        Leg("sushiswap", POOLS[1], TOKEN, WETH, False, 2**80 + 1, 5 * ETHER + ETHER // 10),
    )
    return Opportunity("arbitrage", HEAD, WETH, legs, 180_000)


def simulation_of(for_plan, **changes):
    fields = {
        "digest": for_plan.transaction.digest(),
        "on": for_plan.state,
        "environment": BlockEnvironment(
            for_plan.target_block, 1_700_000_000, 10 * GWEI, 30_000_000, ZERO_ADDRESS
        ),
        "gas_used": 200_000,
        "profit": for_plan.predicted_profit,
    }
    return Simulation(**(fields | changes))


def reservation_of(for_plan):
    worst = for_plan.worst_gas_cost
    return Reservation(for_plan.wallet, for_plan.transaction.nonce, worst, worst // 5)


def with_transaction(for_plan, **changes):
    """The plan with other fields in its transaction."""
    return msgspec.structs.replace(
        for_plan, transaction=msgspec.structs.replace(for_plan.transaction, **changes)
    )
