"""Chain state and history straight from storage, receipts and logs; no contract is asked about itself.

Storage layout: UniswapV2Pair.sol (and its fork PancakePair.sol) keep token0 in slot 6, token1 in slot 7, and in
slot 8, from the low end, reserve0 (112 bits), reserve1 (112 bits), the time of the last change (32 bits).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eth_utils import keccak

from oracle.facts import Block, Fee, Log, MinedTransaction, Pair, Reserves
from oracle.node import Node, data, number, quantity, text

PAIR_CREATED = keccak(text="PairCreated(address,address,address,uint256)")
TRANSFER = keccak(text="Transfer(address,address,uint256)")
WITHDRAWAL = keccak(text="Withdrawal(address,uint256)")
BALANCE_OF = keccak(text="balanceOf(address)")[:4]

TOKEN0_SLOT, TOKEN1_SLOT, RESERVES_SLOT = 6, 7, 8
_UINT112 = (1 << 112) - 1


class ChainReader:
    """Reads a chain by its node. Raises NodeError or OSError where an answer is missing."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._blocks: dict[int, Block] = {}
        self._reserves: dict[tuple[bytes, int], Reserves] = {}

    def head(self) -> int:
        return number(self.node.call("eth_blockNumber"))

    def block(self, height: int) -> Block:
        """A whole block with its receipts; kept, for the history read here is over."""
        if height not in self._blocks:
            body, receipts = self.node.batch(
                [
                    ("eth_getBlockByNumber", [quantity(height), True]),
                    ("eth_getBlockReceipts", [quantity(height)]),
                ]
            )
            self._blocks[height] = _block(body, receipts)
        return self._blocks[height]

    def hashes(self, first: int, last: int) -> list[str]:
        """Block hashes of `first`..`last`, both included."""
        heights = range(first, last + 1)
        return [
            body["hash"]
            for body in self.node.batch(
                [("eth_getBlockByNumber", [quantity(height), False]) for height in heights]
            )
        ]

    def pairs(self, factories: Mapping[bytes, Fee]) -> tuple[Pair, ...]:
        """Every pair the factories announced, in order; its tokens are checked against its own storage."""
        logs = self.node.call(
            "eth_getLogs",
            {
                "fromBlock": "0x0",
                "toBlock": "latest",
                "address": [text(factory) for factory in factories],
                "topics": [text(PAIR_CREATED)],
            },
        )
        pairs = tuple(_pair(log, factories) for log in logs)
        self._check_tokens(pairs)
        return pairs

    def reserves(self, pairs: Iterable[bytes], height: int) -> dict[bytes, Reserves]:
        """Reserves after block `height`, by address, from storage."""
        wanted = list(pairs)
        missing = [pair for pair in wanted if (pair, height) not in self._reserves]
        words = self.node.batch(
            [
                ("eth_getStorageAt", [text(pair), quantity(RESERVES_SLOT), quantity(height)])
                for pair in missing
            ]
        )
        for pair, word in zip(missing, words, strict=True):
            self._reserves[pair, height] = unpack_reserves(number(word))
        return {pair: self._reserves[pair, height] for pair in wanted}

    def token_balance(self, token: bytes, holder: bytes, height: int) -> int:
        """ERC-20 balance after block `height`."""
        call = {"to": text(token), "data": text(BALANCE_OF + holder.rjust(32, b"\0"))}
        answer = data(self.node.call("eth_call", call, quantity(height)))
        if len(answer) != 32:
            raise ValueError(f"balanceOf of {text(token)} answered {len(answer)} bytes")
        return int.from_bytes(answer, "big")

    def ether_balance(self, holder: bytes, height: int) -> int:
        return number(self.node.call("eth_getBalance", text(holder), quantity(height)))

    def _check_tokens(self, pairs: Sequence[Pair]) -> None:
        calls = [
            ("eth_getStorageAt", [text(pair.address), quantity(slot), "latest"])
            for pair in pairs
            for slot in (TOKEN0_SLOT, TOKEN1_SLOT)
        ]
        words = self.node.batch(calls)
        for index, pair in enumerate(pairs):
            found = tuple(data(word).rjust(32, b"\0")[12:] for word in words[2 * index : 2 * index + 2])
            if found != (pair.token0, pair.token1):
                raise ValueError(f"pair {text(pair.address)} holds {found}, its factory announced others")


def unpack_reserves(word: int) -> Reserves:
    """Both reserves of storage slot 8."""
    return word & _UINT112, (word >> 112) & _UINT112


def _pair(log: dict[str, Any], factories: Mapping[bytes, Fee]) -> Pair:
    factory = data(log["address"])
    token0, token1 = (data(topic)[12:] for topic in log["topics"][1:3])
    return Pair(data(log["data"])[12:32], factory, token0, token1, factories[factory])


def _block(body: dict[str, Any], receipts: Sequence[dict[str, Any]]) -> Block:
    return Block(
        number=number(body["number"]),
        hash=data(body["hash"]),
        parent_hash=data(body["parentHash"]),
        timestamp=number(body["timestamp"]),
        base_fee=number(body["baseFeePerGas"]),
        gas_limit=number(body["gasLimit"]),
        gas_used=number(body["gasUsed"]),
        coinbase=data(body["miner"]),
        transactions=tuple(
            _mined(tx, receipt) for tx, receipt in zip(body["transactions"], receipts, strict=True)
        ),
    )


def _mined(tx: dict[str, Any], receipt: dict[str, Any]) -> MinedTransaction:
    if tx["hash"] != receipt["transactionHash"]:
        raise ValueError(f"receipt of {receipt['transactionHash']} where that of {tx['hash']} belongs")
    return MinedTransaction(
        hash=data(tx["hash"]),
        sender=data(tx["from"]),
        to=data(tx["to"]) if tx["to"] else None,
        nonce=number(tx["nonce"]),
        index=number(tx["transactionIndex"]),
        data=data(tx["input"]),
        succeeded=receipt["status"] == "0x1",
        gas_used=number(receipt["gasUsed"]),
        gas_price=number(receipt["effectiveGasPrice"]),
        logs=tuple(map(log_of, receipt["logs"])),
    )


def log_of(log: dict[str, Any]) -> Log:
    return Log(data(log["address"]), tuple(map(data, log["topics"])), data(log["data"]))
