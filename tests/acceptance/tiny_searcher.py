"""A searcher of twenty lines beside the bot: the oracle's own finds, signed by eth_account, sent by urllib.

It proves market, readers and judge without the bot: what it does wrong on purpose must be judged so.
"""

import json
import urllib.request
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak
from oracle.brute_force import BruteForce, Candidate
from oracle.executor_calldata import EXECUTE_SELECTOR, Cycle, Hop, rows_of
from oracle.facts import Pair, Pool
from oracle.market_reader import MarketReader
from oracle.node import Node, number, text
from oracle.venues import FEES, V3_FACTORIES, WETH

from acceptance.market_process import OpenMarket
from acceptance.processes import wait_for

_TYPES = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
_IDENTITY = Account.from_key(keccak(text="relay identity of a test: holds nothing"))


class TinySearcher:
    def __init__(self, market: OpenMarket) -> None:
        self.market = market
        variables = market.variables()
        keystore = json.loads(Path(variables["BOT_WALLET_MAIN__KEYSTORE"]).read_text())
        password = Path(variables["BOT_WALLET_MAIN__PASSWORD_FILE"]).read_text().rstrip("\n")
        self._account = Account.from_key(Account.decrypt(keystore, password))
        self.states = MarketReader(market.reader(), FEES, V3_FACTORIES)
        self.states.states(market.first_block)
        pairs = [pool for pool in self.states.pools.values() if isinstance(pool, Pair)]
        self.search = BruteForce(pairs, WETH, (2,))
        """Its Executor call knows pairs alone, and two of them."""

    @property
    def pools(self) -> dict[bytes, Pool]:
        return self.states.pools

    def sign(self, cycles: list[Candidate], target: int, max_fee: int, **changes: int) -> bytes:
        """Raw transaction of an execution for block `target`; `changes` replaces amounts by name."""
        wanted = {"payment": sum(cycle.gain for cycle in cycles) // 2, "min_profit": 1} | changes
        arguments = [rows_of(tuple(map(_executed, cycles))), text(WETH), wanted["min_profit"]]
        fields = {
            "chainId": self.market.chain_id,
            "type": 2,
            "nonce": self.nonce(),
            "maxPriorityFeePerGas": 0,
            "maxFeePerGas": max_fee,
            "gas": 1_500_000,
            "to": self.market.executor,
            "value": 0,
            "data": EXECUTE_SELECTOR + encode(_TYPES, [*arguments, wanted["payment"], target, target]),
        }
        return bytes(self._account.sign_transaction(fields).raw_transaction)

    def nonce(self) -> int:
        return number(self.market.front().call("eth_getTransactionCount", self._account.address, "latest"))

    def send_bundle(self, raw: bytes, target: int) -> dict[str, Any]:
        return self._post("eth_sendBundle", [{"txs": [text(raw)], "blockNumber": hex(target)}])

    def let_the_market_go_on(self) -> int:
        """Say that block `head` is done with; the number of the block that follows it."""
        front: Node = self.market.front()
        head = front.call("eth_getBlockByNumber", "latest", False)
        # The chain has a block a moment before its market is through with it.
        assert wait_for(
            lambda: front.call("market_tickDone", head["number"], head["hash"]) is True, 20, step=0.01
        )
        return number(head["number"]) + 1

    def _post(self, method: str, params: list[Any]) -> dict[str, Any]:
        """With X-Flashbots-Signature: address, colon, EIP-191 signature over the hex of the body's keccak."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        signed = _IDENTITY.sign_message(encode_defunct(text=text(keccak(body))))
        headers = {
            "Content-Type": "application/json",
            "X-Flashbots-Signature": f"{_IDENTITY.address}:0x{signed.signature.hex()}",
        }
        request = urllib.request.Request(self.market.file["endpoints"]["relay"], body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


def _executed(cycle: Candidate) -> Cycle:
    path, amounts = cycle.path, cycle.sized.amounts
    hops = zip(path.pools, path.directions, amounts[1:], strict=True)
    return Cycle(amounts[0], tuple(Hop(pool.address, direction, out) for pool, direction, out in hops))
