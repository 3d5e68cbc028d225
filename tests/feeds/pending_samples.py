"""Signed transactions of somebody, as raw bytes and as a node's JSON, and the hint that MEV-Share's pages show."""

from eth_account import Account
from eth_utils import keccak

from tests.oracle.node_transaction_json import node_json

ACCOUNT = Account.from_key(keccak(b"a trader"))
DOCUMENTED_HINT = (
    b'{"hash":"0xc7dc06c994400830054ab815732d91275bc1241f9be62b62b687b7882f19b8d4","logs":null,"txs":[{"to":'
    b'"0x0000c335bc9d5d1af0402cad63fa7f258363d71a","functionSelector":"0x696d2073","callData":'
    b'"0x696d20736861726969696969696e67"}]}'
)
"""docs.flashbots.net, MEV-Share, "Event Stream"."""


def raw_transaction(nonce, data=b"\x01\x02\x03\x04\x05"):
    fields = {"nonce": nonce, "gas": 90_000, "value": 5, "data": data, "to": ACCOUNT.address, "chainId": 1,
              "type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 3}  # fmt: skip
    return bytes(ACCOUNT.sign_transaction(fields).raw_transaction)


def bodies(count, start=0):
    return [node_json(raw_transaction(nonce)) for nonce in range(start, start + count)]


async def take(events, count):
    return [await anext(events) for _ in range(count)]
