"""What deploying the Executor consists of: the roles, the plan the node simulated, sending it, checking it.

`scripts/deploy_executor.py` is the command line over it.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import requests
from build_contracts import DEFAULT_OUT, ROOT, build
from eth_abi.abi import decode, encode
from eth_account.signers.local import LocalAccount
from eth_typing import HexAddress, HexStr
from hexbytes import HexBytes
from web3 import HTTPProvider, IPCProvider, Web3
from web3.exceptions import TimeExhausted, Web3Exception
from web3.types import Nonce, RPCEndpoint
from web3.utils.address import get_create_address

sys.path.insert(0, str(ROOT))

# `bot` lies beside scripts/, and Python puts only the script's own folder on its path.
from bot.core.errors import BadConfiguration, BrokenInvariant, Unreachable
from bot.core.identity import ZERO_ADDRESS, Address, keccak, to_checksum

RPC_TIMEOUT_S = 30
RECEIPT_TIMEOUT_S = 300
GAS_MARGIN_PERCENT = 10
"""Above the estimate: state can change between the two; what is not used is not paid."""

MAX_OPERATORS = 8
CONSTRUCTOR_TYPES = ["address", "address", "address", "address[]"]


@dataclass(frozen=True)
class Roles:
    """The constructor's arguments, in its order."""

    owner: Address
    recipient: Address
    weth: Address
    operators: tuple[Address, ...]

    def encoded(self) -> bytes:
        return encode(CONSTRUCTOR_TYPES, [self.owner, self.recipient, self.weth, list(self.operators)])

    def described(self) -> dict[str, Any]:
        return {
            "owner": to_checksum(self.owner),
            "recipient": to_checksum(self.recipient),
            "weth": to_checksum(self.weth),
            "operators": [to_checksum(operator) for operator in self.operators],
        }


@dataclass(frozen=True)
class Plan:
    """What will be sent, and what the node says will come of it."""

    roles: Roles
    deployer: Address
    nonce: int
    creation_code: bytes
    """Constructor arguments included."""
    runtime_code: bytes
    gas: int
    base_fee: int
    chain_id: int
    address: str

    def described(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "chain_id": self.chain_id,
            "deployer": to_checksum(self.deployer),
            "nonce": self.nonce,
            "address": self.address,
            "constructor": self.roles.described(),
            "creation_code_hash": "0x" + keccak(self.creation_code).hex(),
            "runtime_hash": "0x" + keccak(self.runtime_code).hex(),
            "runtime_size": len(self.runtime_code),
            "gas": self.gas,
            "base_fee_wei": str(self.base_fee),
            "fee_wei": str(self.gas * self.base_fee),
        }


class Node:
    """The node's answers, with every failure to answer as Unreachable and every error answer with its reason.

    No message repeats the URL: it may hold a key.
    """

    def __init__(self, url: str) -> None:
        if url.startswith(("http://", "https://")):
            self.web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": RPC_TIMEOUT_S}))
        elif Path(url).exists():
            self.web3 = Web3(IPCProvider(url, timeout=RPC_TIMEOUT_S))
        else:
            raise BadConfiguration("--rpc is neither an http(s) URL nor the path of a node's IPC socket")

    def ask(self, method: str, *params: Any) -> Any:
        """The decoded result. Raises Unreachable without an answer, Web3Exception when the answer is an error."""
        try:
            reply = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        except (requests.RequestException, OSError, TimeoutError) as error:
            raise Unreachable(
                f"{method}: the node at --rpc did not answer ({type(error).__name__})"
            ) from None
        if "error" in reply:
            error_reply = cast("dict[str, Any]", reply["error"])
            raise Web3Exception(f"{method}: {error_reply.get('message', error_reply)}")
        return reply["result"]

    def quantity(self, method: str, *params: Any) -> int:
        return int(self.ask(method, *params), 16)

    def data(self, method: str, *params: Any) -> bytes:
        return bytes.fromhex(str(self.ask(method, *params)).removeprefix("0x"))


def role_problems(roles: Roles) -> list[str]:
    """What the constructor would refuse, and what it could not know to be a mistake."""
    problems = []
    named = {"--owner": roles.owner, "--recipient": roles.recipient, "--weth": roles.weth}
    problems += [f"{option} is the zero address" for option, value in named.items() if value == ZERO_ADDRESS]
    if ZERO_ADDRESS in roles.operators:
        problems.append("--operator is the zero address")
    if roles.owner in roles.operators:
        problems.append(
            f"--owner {to_checksum(roles.owner)} is an --operator too: keep the cold key off the bot"
        )
    if len(set(roles.operators)) != len(roles.operators):
        problems.append("an --operator is given twice")
    if len(roles.operators) > MAX_OPERATORS:
        problems.append(
            f"{len(roles.operators)} operators: the constructor takes {MAX_OPERATORS}; add more later"
        )
    return problems


def make_plan(node: Node, roles: Roles, deployer: Address, expected_chain: int | None) -> Plan:
    """Check the chain, compile, simulate the creation. Raises BadConfiguration, Unreachable, BrokenInvariant."""
    chain_id = node.quantity("eth_chainId")
    if expected_chain not in {None, chain_id}:
        raise BadConfiguration(f"the node is on chain {chain_id}, --chain-id says {expected_chain}")
    if not node.data("eth_getCode", to_checksum(roles.weth), "latest"):
        raise BadConfiguration(f"--weth {to_checksum(roles.weth)} has no code on chain {chain_id}")
    build((ROOT / "contracts",))
    artifact = json.loads((DEFAULT_OUT / "Executor.json").read_bytes())
    creation_code = bytes.fromhex(artifact["bytecode"][2:]) + roles.encoded()
    fields = {"from": to_checksum(deployer), "data": "0x" + creation_code.hex()}
    try:
        runtime_code = node.data("eth_call", fields, "latest")
        gas = node.quantity("eth_estimateGas", fields)
    except Web3Exception as error:
        raise BadConfiguration(f"the creation would revert: {error}") from None
    # What Vyper appends to the runtime are the immutables: WETH, as one word.
    if runtime_code != bytes.fromhex(artifact["runtime"][2:]) + bytes(12) + roles.weth:
        raise BrokenInvariant("the simulated creation returned other code than the compiler's")
    nonce = node.quantity("eth_getTransactionCount", to_checksum(deployer), "pending")
    base_fee = int(node.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    address = get_create_address(HexAddress(HexStr(to_checksum(deployer))), Nonce(nonce))
    return Plan(roles, deployer, nonce, creation_code, runtime_code, gas, base_fee, chain_id, address)


def send(node: Node, plan: Plan, account: LocalAccount) -> dict[str, Any]:
    """Sign the simulated bytes, send them, wait. Raises BadConfiguration before, Unreachable after sending.

    A receipt that does not come is neither success nor failure; the message says what to look up.
    """
    if account.address != to_checksum(plan.deployer):
        raise BadConfiguration(
            f"the keystore says {to_checksum(plan.deployer)} and opens as {account.address}"
        )
    tip = node.quantity("eth_maxPriorityFeePerGas")
    limit = plan.gas * (100 + GAS_MARGIN_PERCENT) // 100
    fee_per_gas = 2 * plan.base_fee + tip  # holds over six full blocks
    balance = node.quantity("eth_getBalance", account.address, "latest")
    if balance < limit * fee_per_gas:
        raise BadConfiguration(f"{account.address} holds {balance} wei, {limit * fee_per_gas} may be needed")
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": plan.chain_id,
            "nonce": plan.nonce,
            "value": 0,
            "data": plan.creation_code,
            "gas": limit,
            "maxFeePerGas": fee_per_gas,
            "maxPriorityFeePerGas": tip,
        }
    )
    return receipt_of(node, signed.hash, signed.raw_transaction)


def receipt_of(node: Node, hash_: HexBytes, raw_transaction: HexBytes) -> dict[str, Any]:
    try:
        node.ask("eth_sendRawTransaction", "0x" + bytes(raw_transaction).hex())
        receipt = node.web3.eth.wait_for_transaction_receipt(
            hash_, timeout=RECEIPT_TIMEOUT_S, poll_latency=0.2
        )
    except (requests.RequestException, OSError, TimeExhausted, Unreachable) as error:
        raise Unreachable(
            f"transaction 0x{bytes(hash_).hex()}: outcome unknown ({type(error).__name__}); look it up before trying again"
        ) from None
    if receipt["status"] != 1:
        raise BrokenInvariant(
            f"transaction 0x{bytes(hash_).hex()} was mined and reverted, though its simulation passed"
        )
    return cast("dict[str, Any]", receipt)


def verify(node: Node, plan: Plan) -> None:
    """The code and every role as the chain now has them. Raises BrokenInvariant for the first that differs."""
    code = node.data("eth_getCode", plan.address, "latest")
    if code != plan.runtime_code:
        raise BrokenInvariant(f"{plan.address} holds other code than was simulated: 0x{keccak(code).hex()}")
    roles = plan.roles
    reads: list[tuple[str, bytes, str, Any]] = [
        ("owner()", b"", "address", to_checksum(roles.owner)),
        ("recipient()", b"", "address", to_checksum(roles.recipient)),
        ("WETH()", b"", "address", to_checksum(roles.weth)),
        ("paused()", b"", "bool", False),
        *(("operators(address)", bytes(12) + operator, "bool", True) for operator in roles.operators),
    ]
    for signature, argument, kind, wanted in reads:
        fields = {"to": plan.address, "data": "0x" + (keccak(signature.encode())[:4] + argument).hex()}
        (found,) = decode([kind], node.data("eth_call", fields, "latest"))
        if str(found).lower() != str(wanted).lower():
            raise BrokenInvariant(f"{signature} of {plan.address} is {found}, {wanted} was asked for")
