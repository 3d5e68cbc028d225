"""From a decision to a signed bundle and its identity header, beside the path of web3.py and two bare signatures.

    scripts/bench bundle [--rounds 2000] [--json]

All of it in one process, twenty rounds of each in turn: calldata of `execute`, the unsigned payload, the signature, the body of
`eth_sendBundle`, `X-Flashbots-Signature`. "limit" is the two signatures of secp256k1 alone, which nothing can do
without. The peer does the same with eth_abi, eth-account and json, and its bytes must be ours, or the bench ends.

Not counted, because it is not computing: intent and payload on disk, the way to the signer's process and back; for
those see `endtoend`. `--json`: one object, `schema` 1, nanoseconds.
"""

import argparse
import json
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak as plain_keccak

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.chain.relay_codecs import bundle_fields, encode_request
from bot.chain.relay_identity import RelayIdentity
from bot.core.identity import Address, hex_bytes, keccak, to_checksum
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, TokenUnits, Wei, WeiPerGas
from bot.protocols.executor import EXECUTE_SELECTOR, Cycle, Hop, encode_execute
from bot.signer.wallet_key import WalletKey

EXECUTOR, WETH = Address(keccak(b"executor")[:20]), Address(keccak(b"weth")[:20])
POOLS = tuple(Address(keccak(b"pool %d" % place)[:20]) for place in range(3))
CYCLES = (
    Cycle(
        TokenUnits(5 * 10**18),
        (
            Hop(POOLS[0], zero_for_one=True, amount_out=TokenUnits(7 * 10**18)),
            Hop(POOLS[1], zero_for_one=False, amount_out=TokenUnits(9 * 10**18), protocol="uniswap_v3"),
            Hop(POOLS[2], zero_for_one=True, amount_out=TokenUnits(51 * 10**17)),
        ),
    ),
)
CHAIN_ID, GAS, FEE, PROFIT, TARGET = 1, 400_000, 30 * 10**9, 9 * 10**16, 20_000_000
TURN = 20
"""Rounds of one path in a row."""
UUID = "00000000-0000-4000-8000-000000000000"


class Ours:
    def __init__(self, wallet: bytes, identity: bytes) -> None:
        self.key, self.identity = WalletKey(wallet), RelayIdentity(identity)

    def bundle(self, nonce: int) -> tuple[bytes, str]:
        """Body and header."""
        data = encode_execute(CYCLES, WETH, TokenUnits(PROFIT), Wei(0), TARGET, TARGET)
        fields = TransactionFields(
            CHAIN_ID, nonce, WeiPerGas(0), WeiPerGas(FEE), Gas(GAS), EXECUTOR, Wei(0), data
        )
        bundle = bundle_fields((self.key.sign(fields).raw,), TARGET, UUID)
        body = encode_request(nonce, "eth_sendBundle", [bundle])
        return body, self.identity.header(body)


class Peer:
    def __init__(self, wallet: bytes, identity: bytes) -> None:
        self.account, self.identity = Account.from_key(wallet), Account.from_key(identity)

    def bundle(self, nonce: int) -> tuple[bytes, str]:
        hops = list(_packed())
        types = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
        data = EXECUTE_SELECTOR + encode(types, [hops, to_checksum(WETH), PROFIT, 0, TARGET, TARGET])
        signed = self.account.sign_transaction(
            {
                "type": 2,
                "chainId": CHAIN_ID,
                "nonce": nonce,
                "maxPriorityFeePerGas": 0,
                "maxFeePerGas": FEE,
                "gas": GAS,
                "to": to_checksum(EXECUTOR),
                "value": 0,
                "data": data,
            }
        )
        fields = {
            "txs": [hex_bytes(bytes(signed.raw_transaction))],
            "blockNumber": hex(TARGET),
            "replacementUuid": UUID,
        }
        request = {"jsonrpc": "2.0", "id": nonce, "method": "eth_sendBundle", "params": [fields]}
        body = json.dumps(request, separators=(",", ":")).encode()
        message = encode_defunct(text="0x" + plain_keccak(body).hex())
        signature = self.identity.sign_message(message).signature
        return body, f"{self.identity.address}:0x{bytes(signature).hex()}"


def _packed() -> Any:
    """The hops as the contract's words, by arithmetic."""
    for cycle in CYCLES:
        for place, hop in enumerate(cycle.hops):
            flags = int(hop.zero_for_one) | 2 * int(hop.protocol != "uniswap_v2")
            flags |= 4 * int(place == len(cycle.hops) - 1)
            given = 0 if place else cycle.amount_in
            yield flags << 160 | int.from_bytes(hop.pool, "big"), given << 128 | hop.amount_out


def measure(rounds: int) -> dict[str, Any]:
    wallet, identity = secrets.token_bytes(32), secrets.token_bytes(32)
    ours, peer = Ours(wallet, identity), Peer(wallet, identity)
    for nonce in (0, 1, 127, 128, 255, 256, 70_000):
        if ours.bundle(nonce) != peer.bundle(nonce):
            raise SystemExit(f"nonce {nonce}: our bytes are not eth-account's")
    keys, digest = (PrivateKey(wallet), PrivateKey(identity)), keccak(b"digest")

    def limit(_nonce: int) -> None:
        for key in keys:
            key.sign_recoverable(digest, hasher=None)

    paths: dict[str, Callable[[int], object]] = {"limit": limit, "ours": ours.bundle, "peer": peer.bundle}
    times: dict[str, list[int]] = {name: [] for name in paths}
    for first in range(0, rounds, TURN):
        for name, path in paths.items():
            for nonce in range(first, min(first + TURN, rounds)):
                started = time.perf_counter_ns()
                path(nonce)
                times[name].append(time.perf_counter_ns() - started)
    medians = {name: statistics.median(took) for name, took in times.items()}
    return {
        "schema": 1,
        "rounds": rounds,
        **{
            name: {"p50_ns": int(medians[name]), "p99_ns": sorted(took)[int(rounds * 0.99)]}
            for name, took in times.items()
        },
        "ratio": medians["peer"] / medians["ours"],
        "of_limit": medians["ours"] / medians["limit"],
    }


def show(found: dict[str, Any]) -> None:
    print(f"decision to signed bundle and identity header, {found['rounds']} rounds, bytes equal")
    for name, text in (
        ("peer", "eth_abi, eth-account, json"),
        ("ours", "ours"),
        ("limit", "two signatures alone"),
    ):
        figure = found[name]
        print(f"  {text:<28} p50 {figure['p50_ns'] / 1e3:8.1f} us   p99 {figure['p99_ns'] / 1e3:8.1f} us")
    print(f"  ratio                        {found['ratio']:.1f}x")
    print(f"  of the limit                 {found['of_limit']:.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A signed bundle with its identity header, beside web3.py's path."
    )
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    print(json.dumps(found)) if arguments.json else show(found)


if __name__ == "__main__":
    main()
