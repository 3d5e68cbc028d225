"""Opportunities, heads and plans for tests of `bot.execution`: consistent, small, and named by role."""

from msgspec.structs import replace

from bot.core.decisions import Leg, Opportunity
from bot.core.identity import Address, BlockHash, TxHash, WalletName, keccak
from bot.core.messages import Head, Log
from bot.core.units import Gas, TokenUnits, Wei, WeiPerGas
from bot.costs.gas_table import HopShape, estimate_gas
from bot.execution.config import ExecutionConfig
from bot.execution.plan import build_plan
from bot.execution.realized_profit import TRANSFER_TOPIC
from bot.protocols.uniswap_v2 import SYNC_TOPIC

GWEI = 10**9
ETHER = 10**18


def address(role):
    return Address(keccak(role.encode())[:20])


def tx_hash(role):
    return TxHash(keccak(role.encode()))


OPERATOR = address("operator")
RIVAL = address("rival")
TRADER = address("trader")
WETH = address("weth")
TOKEN = address("token")
MAIN = WalletName("main")
CONFIG = ExecutionConfig(
    executor=address("executor"),
    profit_recipient=address("recipient"),
    weth=WETH,
    min_net_profit=Wei(10**14),
)


def head_at(number, fork="", base_fee=GWEI, gas_used=15_000_000, gas_limit=30_000_000):
    def hash_of(n):
        return BlockHash(keccak(f"block {n} {fork}".encode()))

    return Head(
        number=number,
        hash=hash_of(number),
        parent_hash=hash_of(number - 1),
        timestamp=1_700_000_000 + 12 * number,
        base_fee=WeiPerGas(base_fee),
        gas_used=Gas(gas_used),
        gas_limit=Gas(gas_limit),
        coinbase=address("builder"),
    )


def opportunity(head, name="a", profit=ETHER // 10, amount_in=ETHER, base_token=WETH):
    first, second = address(f"pool {name} 1"), address(f"pool {name} 2")
    middle = TokenUnits(3 * amount_in + 1)
    return Opportunity(
        strategy="arbitrage",
        state=head.ref,
        base_token=base_token,
        legs=(
            Leg("here", first, base_token, TOKEN, True, TokenUnits(amount_in), middle),
            Leg("there", second, TOKEN, base_token, False, middle, TokenUnits(amount_in + profit)),
        ),
        gas_estimate=estimate_gas([(HopShape("here"), HopShape("there"))]),
    )


def plan_on(head, *opportunities, nonce=7, config=CONFIG, wallet=MAIN, **changes):
    found = opportunities or (opportunity(head),)
    plan = build_plan(found, wallet, OPERATOR, nonce, head, 31337, config)
    return replace(plan, **changes) if changes else plan


def profit_log(amount, token=WETH, recipient=CONFIG.profit_recipient, tx="payload", index=0):
    topics = (TRANSFER_TOPIC, bytes(12) + CONFIG.executor, bytes(12) + recipient)
    return Log(token, topics, amount.to_bytes(32, "big"), index, tx_hash(tx))


def sync_log(pool, tx, index):
    return Log(pool, (SYNC_TOPIC,), bytes(64), index, tx_hash(tx))
