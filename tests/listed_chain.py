"""A chain in lists for tests of the tick and the loop: heads, blocks, logs, and core.ports.ChainReader over them."""

from dataclasses import dataclass, field

from eth_abi import decode

from bot.chains.load import load_profile
from bot.core.identity import Address, BlockHash, BlockRef, TxHash, keccak
from bot.core.messages import BlockArrived, Head, Log
from bot.core.ports import MinedTransaction, Receipt
from bot.core.result import Ok, Unknown
from bot.execution.realized_profit import TRANSFER_TOPIC
from bot.protocols.uniswap_v2 import SYNC_TOPIC

GWEI, ETHER = 10**9, 10**18
PROFILE = load_profile("market")
WETH = PROFILE.weth.address
NONCE = 7
COUNT, BALANCE = Ok(NONCE), Ok(ETHER // 2)
GAS_USED = 140_000


def address(role):
    return Address(keccak(role.encode())[:20])


OPERATOR, EXECUTOR, RECIPIENT, TOKEN = (
    address(role) for role in ("operator", "executor", "recipient", "token")
)


def head_at(number, fork=""):
    """Every fork shares the chain up to block 100."""
    return Head(
        number=number,
        hash=_hash(number, fork),
        parent_hash=_hash(number - 1, fork),
        timestamp=1_700_000_000 + 12 * number,
        base_fee=5 * GWEI,
        gas_used=15_000_000,
        gas_limit=30_000_000,
        coinbase=address("builder"),
    )


def _hash(number, fork):
    return BlockHash(keccak(f"block {number} {fork if number > 100 else ''}".encode()))


START = head_at(100).ref


def sync(pool, weth, token, index=0, tx=b"trader"):
    """The log by which a pool's reserves become these."""
    first, second = (weth, token) if WETH < TOKEN else (token, weth)
    data = first.to_bytes(32, "big") + second.to_bytes(32, "big")
    return Log(pool, (SYNC_TOPIC,), data, index, TxHash(keccak(tx)))


def block_at(number, *logs, fork="", seen_at=0, is_catch_up=False):
    return BlockArrived(head_at(number, fork), tuple(logs), seen_at, is_catch_up)


def profit_log(transaction, tx=b"simulated"):
    """The Executor's transfer of what the cycles bring, less the builder's payment."""
    rows, _, _, payment, _, _ = decode(_types(), transaction.data[4:])
    taken = sum(amounts % 2**128 for pool, amounts in rows if pool >> 162)
    profit = taken - sum(amounts >> 128 for _, amounts in rows) - payment
    topics = (TRANSFER_TOPIC, bytes(12) + EXECUTOR, bytes(12) + RECIPIENT)
    return Log(WETH, topics, profit.to_bytes(32, "big"), 0, TxHash(keccak(tx)))


def _types():
    return ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]


@dataclass
class ListedChain:
    """core.ports.ChainReader over blocks put in by hand. `is_silent`: nothing is answered."""

    blocks: dict = field(default_factory=dict)
    """Canonical: number -> (head, [(transaction hash, sender, nonce, logs, succeeded)])."""
    count: object = COUNT
    balance_read: object = BALANCE
    is_silent: bool = False

    def mine(self, number, *transactions, fork=""):
        self.blocks = {n: kept for n, kept in self.blocks.items() if n < number}
        self.blocks[number] = (head_at(number, fork), list(transactions))

    async def transaction_count(self, address, at):
        return self.count

    async def balance(self, address, at):
        return self.balance_read

    async def head_by_number(self, number):
        if self.is_silent:
            return Unknown("silence")
        return Ok(self.blocks[number][0] if number in self.blocks else None)

    async def receipt(self, tx):
        if self.is_silent:
            return Unknown("silence")
        for head, mined in self.blocks.values():
            for tx_hash, _, _, logs, succeeded in mined:
                if tx_hash == tx:
                    return Ok(Receipt(tx, head.ref, succeeded, GAS_USED, head.base_fee, logs))
        return Ok(None)

    async def transactions(self, block):
        if self.is_silent:
            return Unknown("silence")
        _, mined = next(kept for kept in self.blocks.values() if kept[0].hash == block)
        return Ok(tuple(MinedTransaction(h, s, EXECUTOR, n, i) for i, (h, s, n, _, _) in enumerate(mined)))

    async def logs(self, block, topics):
        if self.is_silent:
            return Unknown("silence")
        _, mined = next(kept for kept in self.blocks.values() if kept[0].hash == block)
        return Ok(tuple(log for *_, logs, _ in mined for log in logs if log.topics[0] in topics))


def mined(signed, *, succeeded=True):
    """A signed transaction of ours as `ListedChain.mine` takes it."""
    logs = (profit_log(signed.fields, signed.raw),) if succeeded else ()
    return (signed.hash, OPERATOR, signed.fields.nonce, logs, succeeded)


def reference(number, fork=""):
    return BlockRef(number, _hash(number, fork))
