"""The peer of `submit`: build_transaction, sign, requests.post to each relay in turn, as most bots do it.

A process that reads one line a round (JSON: the case, the relays' ports) and answers with one: when it began
(monotonic nanoseconds) and what each step took. First line in: the keys.
"""

import json
import sys
import time
from itertools import pairwise
from typing import Any

import requests
from eth_account import Account
from eth_account.messages import encode_defunct
from web3 import Web3

ABI = [
    {
        "type": "function",
        "name": "execute",
        "stateMutability": "nonpayable",
        "outputs": [],
        "inputs": [
            {
                "name": "hops",
                "type": "tuple[]",
                "components": [{"name": "pool", "type": "uint256"}, {"name": "amounts", "type": "uint256"}],
            },
            {"name": "token", "type": "address"},
            {"name": "profit", "type": "uint256"},
            {"name": "payment", "type": "uint256"},
            {"name": "first", "type": "uint256"},
            {"name": "last", "type": "uint256"},
        ],
    }
]


class PlainSubmitter:
    def __init__(self, wallet: str, identity: str) -> None:
        self.account, self.identity = Account.from_key(wallet), Account.from_key(identity)
        self.web3 = Web3()
        self.contracts: dict[str, Any] = {}
        self.sessions: dict[int, requests.Session] = {}

    def submit(self, case: dict[str, Any], ports: list[int]) -> dict[str, Any]:
        """Steps in nanoseconds; "posts" ends with the last relay's answer."""
        contract = self.contracts.get(case["to"]) or self.web3.eth.contract(address=case["to"], abi=ABI)
        self.contracts[case["to"]] = contract
        hops = [tuple(int(word, 16) for word in hop) for hop in case["hops"]]
        marks = [time.monotonic_ns()]
        call = contract.functions.execute(
            hops, case["token"], case["profit"], 0, case["block"], case["block"]
        )
        transaction = call.build_transaction(
            {
                "chainId": case["chain"],
                "nonce": case["nonce"],
                "gas": case["gas"],
                "maxFeePerGas": case["fee"],
                "maxPriorityFeePerGas": 0,
                "value": 0,
            }
        )
        marks.append(time.monotonic_ns())
        signed = self.account.sign_transaction(transaction)
        marks.append(time.monotonic_ns())
        bundle = {"txs": [Web3.to_hex(signed.raw_transaction)], "blockNumber": hex(case["block"])}
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendBundle", "params": [bundle]}
        body = json.dumps(request)
        marks.append(time.monotonic_ns())
        message = encode_defunct(text=Web3.keccak(text=body).to_0x_hex())
        signature = self.identity.sign_message(message).signature.to_0x_hex()
        headers = {
            "Content-Type": "application/json",
            "X-Flashbots-Signature": f"{self.identity.address}:{signature}",
        }
        marks.append(time.monotonic_ns())
        for port in ports:
            session = self.sessions.setdefault(port, requests.Session())
            session.post(
                f"http://127.0.0.1:{port}", data=body, headers=headers, timeout=10
            ).raise_for_status()
        marks.append(time.monotonic_ns())
        names = ("build_transaction", "sign", "body", "identity signature", "posts")
        took = (later - earlier for earlier, later in pairwise(marks))
        return {"began": marks[0], "steps": dict(zip(names, took, strict=True))}


def main() -> None:
    plain = PlainSubmitter(**json.loads(sys.stdin.readline()))
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(plain.submit(asked["case"], asked["ports"])), flush=True)


if __name__ == "__main__":
    main()
