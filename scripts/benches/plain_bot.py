"""The peer of `endtoend`: a two-pool arbitrage bot as most are written, on web3.py alone.

A process that reads one line per block on its standard input (the pools first, as JSON, then block numbers) and
answers each with one line: the steps it took and how long, or that it found nothing. Its bundle goes to the relay
named; whoever listens there knows when it came.
"""

import itertools
import json
import sys
import time
from typing import Any

import requests
from eth_account import Account
from eth_account.messages import encode_defunct
from web3 import HTTPProvider, Web3

PAIR_ABI = [
    {
        "type": "event",
        "name": "Sync",
        "anonymous": False,
        "inputs": [
            {"name": "reserve0", "type": "uint112", "indexed": False},
            {"name": "reserve1", "type": "uint112", "indexed": False},
        ],
    },
    {
        "type": "function",
        "name": "getReserves",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [
            {"name": "reserve0", "type": "uint112"},
            {"name": "reserve1", "type": "uint112"},
            {"name": "blockTimestampLast", "type": "uint32"},
        ],
    },
]
CALLER_ABI = [
    {
        "type": "function",
        "name": "arbitrage",
        "stateMutability": "nonpayable",
        "inputs": [
            {"name": "pools", "type": "address[]"},
            {"name": "amounts", "type": "uint256[]"},
            {"name": "minProfit", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ],
        "outputs": [],
    }
]
CALLER = Web3.to_checksum_address("0x" + "ca" * 20)
"""Nobody's: nothing of this bot is meant to land, its work until the relay's socket is what counts."""
SEARCH_STEPS = 60


class PlainBot:
    """One key, one node over HTTP, one relay."""

    def __init__(self, setting: dict[str, Any]) -> None:
        self.web3 = Web3(HTTPProvider(setting["node"]))
        self.account = Account.from_key(setting["key"])
        self.relay, self.weth = setting["relay"], setting["weth"]
        self.pools = {pool["address"]: pool for pool in setting["pools"]}
        self.contracts = {
            address: self.web3.eth.contract(address=address, abi=PAIR_ABI) for address in self.pools
        }
        self.any_pair = self.web3.eth.contract(abi=PAIR_ABI)
        self.caller = self.web3.eth.contract(address=CALLER, abi=CALLER_ABI)
        self.sync = self.web3.to_hex(self.web3.keccak(text="Sync(uint112,uint112)"))
        self.http = requests.Session()
        self.steps: dict[str, int] = {}
        self.mark = 0

    def block(self, number: int) -> dict[str, Any]:
        """One block; "sent" is the bundle's hash or None."""
        self.steps, self.mark = {}, time.monotonic_ns()
        block = self.web3.eth.get_block(number)
        self._took("block")
        touched = self._touched(block)
        reserves = self._reserves(touched, number)
        best = self._best(touched, reserves)
        self._took("search")
        sent = None if best is None else self._send(best, block)
        return {"number": number, "sent": sent, "steps": self.steps}

    def _touched(self, block: Any) -> set[str]:
        logs = self.web3.eth.get_logs({"blockHash": block["hash"], "topics": [self.sync]})
        self._took("get_logs")
        changed = {self.any_pair.events.Sync().process_log(log)["address"] for log in logs}
        self._took("process_log")
        return changed & self.pools.keys()

    def _reserves(self, touched: set[str], number: int) -> dict[str, tuple[int, int]]:
        """Of every pool that shares its pair of tokens with a touched one."""
        pairs = {(self.pools[one]["token0"], self.pools[one]["token1"]) for one in touched}
        wanted = [a for a, pool in self.pools.items() if (pool["token0"], pool["token1"]) in pairs]
        read = {
            address: tuple(self.contracts[address].functions.getReserves().call(block_identifier=number)[:2])
            for address in wanted
        }
        self._took("getReserves")
        return read

    def _best(self, touched: set[str], reserves: dict[str, tuple[int, int]]) -> Any:
        best = None
        for one, two in itertools.permutations(reserves, 2):
            first, second = self.pools[one], self.pools[two]
            same_pair = (first["token0"], first["token1"]) == (second["token0"], second["token1"])
            if (
                not same_pair
                or not {one, two} & touched
                or self.weth not in (first["token0"], first["token1"])
            ):
                continue
            found = self._size(first, second, reserves[one], reserves[two])
            if found[0] > 0 and (best is None or found[0] > best[0]):
                best = (*found, one, two)
        return best

    def _size(self, first: Any, second: Any, one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
        """(profit, input) by ternary search."""
        if first["token0"] != self.weth:
            one, two = one[::-1], two[::-1]

        def profit(amount: int) -> int:
            middle = amount_out(amount, one[0], one[1], first["fee"])
            return amount_out(middle, two[1], two[0], second["fee"]) - amount

        low, high = 1, one[0]
        for _ in range(SEARCH_STEPS):
            third = (high - low) // 3
            if profit(low + third) < profit(high - third):
                low += third
            else:
                high -= third
        return profit(low), low

    def _send(self, best: Any, block: Any) -> str:
        profit, amount, one, two = best
        nonce = self.web3.eth.get_transaction_count(self.account.address)
        self._took("nonce")
        transaction = self.caller.functions.arbitrage(
            [one, two], [amount, amount + profit], profit // 2, block["timestamp"] + 24
        ).build_transaction(
            {
                "from": self.account.address,
                "nonce": nonce,
                "chainId": self.web3.eth.chain_id,
                "gas": 400_000,
                "maxFeePerGas": 2 * block["baseFeePerGas"],
                "maxPriorityFeePerGas": 0,
            }
        )
        self._took("build_transaction")
        self.web3.eth.call({name: transaction[name] for name in ("from", "to", "data")})
        self._took("simulate")
        signed = self.account.sign_transaction(transaction)
        self._took("sign")
        bundle = {"txs": [self.web3.to_hex(signed.raw_transaction)], "blockNumber": hex(block["number"] + 1)}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_sendBundle", "params": [bundle]})
        message = encode_defunct(text=self.web3.to_hex(self.web3.keccak(text=body)))
        header = f"{self.account.address}:{self.account.sign_message(message).signature.to_0x_hex()}"
        self._took("identity header")
        self.http.post(
            self.relay,
            data=body,
            headers={"Content-Type": "application/json", "X-Flashbots-Signature": header},
            timeout=5,
        )
        self._took("post")
        return str(signed.hash.hex())

    def _took(self, step: str) -> None:
        now = time.monotonic_ns()
        self.steps[step] = now - self.mark
        self.mark = now


def amount_out(amount_in: int, reserve_in: int, reserve_out: int, fee: int) -> int:
    counted = amount_in * fee
    return counted * reserve_out // (reserve_in * 1000 + counted)


def main() -> None:
    bot = PlainBot(json.loads(sys.stdin.readline()))
    bot.web3.eth.get_block("latest")
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(bot.block(int(line))), flush=True)


if __name__ == "__main__":
    main()
