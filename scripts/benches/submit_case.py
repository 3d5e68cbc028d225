"""What `submit` submits: one plan a round, allowed by the real gate, and the same as plain numbers for the peer."""

from typing import Any

from bot.core.decisions import (
    Approved,
    BlockEnvironment,
    Leg,
    Opportunity,
    Plan,
    Simulation,
    Window,
)
from bot.core.identity import ZERO_ADDRESS, Address, BlockHash, BlockRef, WalletName, intent_id, keccak
from bot.core.identity import to_checksum as checksum
from bot.core.result import Ok
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, Nanoseconds, TokenUnits, Wei, WeiPerGas
from bot.protocols.executor import Cycle, Hop, encode_execute
from bot.risk.context import GateContext
from bot.risk.gate import judge
from bot.risk.ledger import Ledger
from bot.risk.limits import Limits, WalletLimits
from bot.signer.config import SignerLimits

WALLET, CHAIN_ID = WalletName("main"), 31337
EXECUTOR, WETH = Address(keccak(b"executor")[:20]), Address(keccak(b"weth")[:20])
TOKENS = [WETH, *(Address(keccak(b"token %d" % place)[:20]) for place in range(2)), WETH]
POOLS = [Address(keccak(b"pool %d" % place)[:20]) for place in range(3)]
AMOUNTS = [5 * 10**18, 7 * 10**18, 9 * 10**18, 51 * 10**17]
FEE, GAS, PROFIT, FIRST_BLOCK = 30 * 10**9, 400_000, 10**17, 20_000_000
PROTOCOLS = ("uniswap_v2", "uniswap_v3", "uniswap_v2")
DIRECTIONS = (True, False, True)
ENOUGH = Wei(10**27)
"""Of a limit that is not what is measured."""
SIGNER_LIMITS = SignerLimits(WeiPerGas(FEE), Gas(GAS), ENOUGH)
_WALLET_LIMITS = WalletLimits(ENOUGH, WeiPerGas(FEE), Gas(GAS), ENOUGH, ENOUGH, ENOUGH, 3, ENOUGH)


def head_of(place: int) -> BlockRef:
    """The block that round `place` is decided on."""
    return BlockRef(FIRST_BLOCK + place, BlockHash(keccak(b"block %d" % place)))


def fields_of(place: int) -> TransactionFields:
    """The step "calldata": from a cycle to the transaction that is to be signed."""
    target = FIRST_BLOCK + place + 1
    hops = tuple(
        Hop(pool, way, TokenUnits(out), protocol)
        for pool, way, out, protocol in zip(POOLS, DIRECTIONS, AMOUNTS[1:], PROTOCOLS, strict=True)
    )
    cycle = Cycle(TokenUnits(AMOUNTS[0]), hops)
    data = encode_execute((cycle,), WETH, TokenUnits(PROFIT), Wei(0), target, target)
    return TransactionFields(CHAIN_ID, place, WeiPerGas(0), WeiPerGas(FEE), Gas(GAS), EXECUTOR, Wei(0), data)


def approved(place: int, sender: Address, fields: TransactionFields, now: Nanoseconds) -> Approved:
    """By the gate itself. Raises RuntimeError with its word if it denies."""
    head = head_of(place)
    plan = _plan(place, sender, fields, head)
    environment = BlockEnvironment(
        plan.target_block, now // 10**9, WeiPerGas(10**10), Gas(36_000_000), ZERO_ADDRESS
    )
    simulation = Simulation(fields.digest(), head, environment, Gas(250_000), plan.predicted_profit)
    context = GateContext(
        limits=Limits({WALLET: _WALLET_LIMITS}),
        ledger=Ledger(),
        chain_id=CHAIN_ID,
        wrapped_native=WETH,
        senders={WALLET: sender},
        open_nonces={WALLET: fields.nonce},
        balances={WALLET: Ok(Wei(10**18))},
        recorded_intents=frozenset(),
        head=head,
        head_age=Nanoseconds(0),
        head_age_allowed=Nanoseconds(10**9),
        now=now,
        expired_gas=Gas(60_000),
    )
    allowed = judge(plan, simulation, context)
    if not isinstance(allowed, Approved):
        raise RuntimeError(f"the gate denies the bench's own plan: {allowed.rule}, {allowed.actual}")  # noqa: TRY004
    return allowed


def for_the_peer(place: int) -> dict[str, Any]:
    """The same transaction and bundle as JSON numbers and texts."""
    hops = []
    for index, pool in enumerate(POOLS):
        flags = (
            int(DIRECTIONS[index])
            | 2 * int(PROTOCOLS[index] == "uniswap_v3")
            | 4 * int(index == len(POOLS) - 1)
        )
        given = 0 if index else AMOUNTS[0]
        hops.append([flags << 160 | int.from_bytes(pool, "big"), given << 128 | AMOUNTS[index + 1]])
    return {
        "hops": [[hex(word) for word in hop] for hop in hops],
        "to": checksum(EXECUTOR),
        "token": checksum(WETH),
        "profit": PROFIT,
        "block": FIRST_BLOCK + place + 1,
        "fee": FEE,
        "gas": GAS,
        "nonce": place,
        "chain": CHAIN_ID,
    }


def _plan(place: int, sender: Address, fields: TransactionFields, head: BlockRef) -> Plan:
    legs = tuple(
        Leg(
            protocol,
            pool,
            TOKENS[at],
            TOKENS[at + 1],
            way,
            TokenUnits(AMOUNTS[at]),
            TokenUnits(AMOUNTS[at + 1]),
        )
        for at, (pool, way, protocol) in enumerate(zip(POOLS, DIRECTIONS, PROTOCOLS, strict=True))
    )
    return Plan(
        id=intent_id(b"submit %d" % place),
        strategy="arbitrage",
        wallet=WALLET,
        sender=sender,
        opportunities=(Opportunity("arbitrage", head, WETH, legs, Gas(250_000)),),
        state=head,
        target_block=head.number + 1,
        window=Window(head.number + 1, head.number + 1),
        transaction=fields,
        profit_token=WETH,
        predicted_profit=TokenUnits(AMOUNTS[-1] - AMOUNTS[0]),
        min_profit=TokenUnits(PROFIT),
        payment=Wei(0),
        notional=TokenUnits(AMOUNTS[0]),
    )
