"""Blocks made by hand: two pairs of one token with wrapped ether, a wallet, a rival, a trader."""

from dataclasses import replace

from eth_abi import encode

from oracle.executor_calldata import EXECUTE_SELECTOR, Cycle, ExecuteCall, Hop, rows_of
from oracle.facts import Block, Fee, Log, MinedTransaction, Pair
from oracle.judge import SentBundle
from oracle.pool_history import SYNC
from oracle.transaction_decoder import DecodedTransaction

BASE, TOKEN = b"\xba" * 20, b"\xcc" * 20
WALLET, RIVAL, TRADER = b"\x0a" * 20, b"\x0b" * 20, b"\x0c" * 20
CHEAP, DEAR = b"\xd1" * 20, b"\xd2" * 20
FACTORY = b"\xfa" * 20
PAIRS = {address: Pair(address, FACTORY, BASE, TOKEN, Fee(997, 1000)) for address in (CHEAP, DEAR)}
AT_PARENT = {CHEAP: (10**9, 2 * 10**9), DEAR: (15 * 10**8, 15 * 10**8)}
BASE_FEE = 1000
TARGET = 51

PLAN = ExecuteCall(
    cycles=(Cycle(200_000_000, (Hop(CHEAP, True, 332_000_000), Hop(DEAR, False, 271_000_000))),),
    base_token=BASE,
    min_profit=1,
    payment=1_000_000,
    first_block=TARGET,
    last_block=TARGET,
)


def calldata(call):
    types = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
    rest = ["0x" + call.base_token.hex(), call.min_profit, call.payment, call.first_block, call.last_block]
    return EXECUTE_SELECTOR + encode(types, [rows_of(call.cycles), *rest])


def sync(pool, reserves):
    return Log(pool, (SYNC,), b"".join(reserve.to_bytes(32, "big") for reserve in reserves))


def mined(name, sender, *, data=b"", succeeded=True, nonce=0, logs=(), gas_used=150_000):
    """`name` is one byte that makes the hash; the index is set by `block`."""
    return MinedTransaction(
        bytes([name]) * 32, sender, b"\xee" * 20, nonce, -1, data, succeeded, gas_used, BASE_FEE, tuple(logs)
    )


def block(*transactions, number=TARGET, base_fee=BASE_FEE):
    ordered = tuple(replace(tx, index=index) for index, tx in enumerate(transactions))
    return Block(number, b"\x51" * 32, b"\x50" * 32, 0, base_fee, 10**8, 10**7, b"\xbb" * 20, ordered)


def sent(name=0x01, *, call=PLAN, nonce=7, max_fee=BASE_FEE, head=TARGET - 1):
    """The bundle whose transaction `mined(name, WALLET)` would be."""
    decoded = DecodedTransaction(
        2,
        31337,
        nonce,
        0,
        max_fee,
        10**6,
        b"\xee" * 20,
        0,
        calldata(call),
        (),
        bytes(32),
        bytes([name]) * 32,
        WALLET,
    )
    return SentBundle(decoded, call, TARGET, head)
