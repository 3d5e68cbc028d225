"""A chain held in lists, read through core.ports.ChainReader: what was mined, what was reorged away, what fails."""

from dataclasses import dataclass, field

from execution_stage import GWEI, head_at, sync_log, tx_hash

from bot.core.identity import Address
from bot.core.ports import MinedTransaction, Receipt
from bot.core.result import Ok, Unknown
from bot.core.units import Gas, WeiPerGas

SILENCE = Unknown("silence")


@dataclass
class Mined:
    name: str
    sender: Address
    nonce: int = 0
    logs: tuple = ()
    succeeded: bool = True
    tip: int = 0

    @classmethod
    def moving(cls, name, sender, pools, tip=0):
        """A transaction that moved these pools."""
        return cls(name, sender, logs=tuple(sync_log(pool, name, i) for i, pool in enumerate(pools)), tip=tip)


@dataclass
class FakeChainReader:
    blocks: dict = field(default_factory=dict)
    """Canonical: number -> (head, transactions)."""
    failing: set = field(default_factory=set)
    """Names of methods that do not answer."""
    without_receipt: set = field(default_factory=set)
    """Names of transactions whose receipts are not there yet: the node's index lags behind its blocks."""
    asked: list = field(default_factory=list)

    def mine(self, number, *transactions, fork="", base_fee=GWEI):
        head = head_at(number, fork, base_fee)
        self.blocks[number] = (head, transactions)
        return head

    def reorg(self, to):
        """Blocks above `to` are gone; returns the reference of `to`."""
        self.blocks = {n: block for n, block in self.blocks.items() if n <= to}
        return self.blocks[to][0].ref

    def count(self, sender):
        """Used nonces of `sender`, as the chain's transaction count."""
        nonces = [tx.nonce + 1 for _, txs in self.blocks.values() for tx in txs if tx.sender == sender]
        return Ok(max(nonces, default=7))

    async def head_by_number(self, number):
        self.asked.append("head_by_number")
        if "head_by_number" in self.failing:
            return SILENCE
        return Ok(self.blocks[number][0] if number in self.blocks else None)

    async def receipt(self, tx):
        self.asked.append("receipt")
        if "receipt" in self.failing:
            return SILENCE
        for head, transactions in self.blocks.values():
            for mined in transactions:
                if tx_hash(mined.name) == tx and mined.name not in self.without_receipt:
                    price = WeiPerGas(head.base_fee + mined.tip)
                    logs = mined.logs if mined.succeeded else ()
                    return Ok(Receipt(tx, head.ref, mined.succeeded, Gas(140_000), price, logs))
        return Ok(None)

    async def transactions(self, block):
        self.asked.append("transactions")
        if "transactions" in self.failing:
            return SILENCE
        for head, transactions in self.blocks.values():
            if head.hash == block:
                return Ok(
                    tuple(
                        MinedTransaction(tx_hash(tx.name), tx.sender, None, tx.nonce, index)
                        for index, tx in enumerate(transactions)
                    )
                )
        return Unknown("no such block")

    async def logs(self, block, topics):
        self.asked.append("logs")
        if "logs" in self.failing:
            return SILENCE
        for head, transactions in self.blocks.values():
            if head.hash == block:
                return Ok(tuple(log for tx in transactions for log in tx.logs if log.topics[0] in topics))
        return Unknown("no such block")
