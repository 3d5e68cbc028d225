"""Deploy contracts/Executor.vy, or say what deploying it would do.

    .venv/bin/python scripts/deploy_executor.py --rpc URL --owner A --recipient B --weth W --operator O [--operator O2]
        [--chain-id N] [--keystore FILE --password-file FILE] [--dry-run] [--from A] [--json]

A dry run compiles, checks, simulates and prints; it needs no key. A real run then signs with the keystore's key,
sends, waits for the receipt, compares the code on the chain with the simulated one and reads every role back.
The deploying key gets no rights over the contract.

With `--json`, one object: `schema` 1, `dry_run`, `chain_id`, `deployer`, `nonce`, `address`, `constructor`,
`creation_code_hash`, `runtime_hash`, `runtime_size`, `gas`, `base_fee_wei`, `fee_wei`, `transaction_hash`,
`block_number`, `gas_used`, `verified`; amounts of wei are decimal strings, the last four null in a dry run.

Exit codes: 0 good, 2 bad configuration, 3 the node or the receipt cannot be had, 1 what was deployed is not what was
meant, 130 Ctrl-C.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, cast

from build_contracts import BuildError, CompilerMissingError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.currency import from_wei
from executor_deployment import Node, Plan, Roles, make_plan, role_problems, send, verify
from web3.exceptions import Web3Exception

from bot.core.errors import (
    EXIT_GOOD,
    EXIT_INTERRUPTED,
    BadConfiguration,
    BrokenInvariant,
    StopTheBot,
    Unreachable,
)
from bot.core.identity import ZERO_ADDRESS, Address, address_from_hex


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Deploy the Executor contract.")
    parser.add_argument("--rpc", required=True, help="http(s) URL or IPC socket of your node")
    parser.add_argument("--owner", required=True, help="cold key that administers; never an operator")
    parser.add_argument("--recipient", required=True, help="receives every profit")
    parser.add_argument("--weth", required=True, help="wrapped ether of this chain")
    parser.add_argument(
        "--operator", required=True, action="append", help="wallet of the bot; may be repeated"
    )
    parser.add_argument("--chain-id", type=int, help="refuse any other chain")
    parser.add_argument("--keystore", type=Path, help="encrypted key of the deploying account")
    parser.add_argument("--password-file", type=Path, help="its password")
    parser.add_argument("--from", dest="sender", help="deploying account of a dry run without a keystore")
    parser.add_argument("--dry-run", action="store_true", help="stop after simulating")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def read_roles(args: argparse.Namespace) -> Roles:
    """All that is wrong with the addresses is said at once. Raises BadConfiguration."""
    problems: list[str] = []

    def read(option: str, text: str) -> Address:
        try:
            return address_from_hex(text)
        except ValueError as error:
            problems.append(f"{option}: {error}")
            return ZERO_ADDRESS

    roles = Roles(
        read("--owner", args.owner),
        read("--recipient", args.recipient),
        read("--weth", args.weth),
        tuple(read("--operator", text) for text in args.operator),
    )
    if not problems:
        problems = role_problems(roles)
    if problems:
        raise BadConfiguration(*problems)
    return roles


def read_deployer(args: argparse.Namespace, roles: Roles) -> Address:
    """The keystore's address, which needs no password; in a dry run without one `--from`, or else the owner."""
    if args.keystore is None:
        if not args.dry_run:
            raise BadConfiguration(
                "--keystore and --password-file are needed to deploy; --dry-run does without"
            )
        try:
            return address_from_hex(args.sender) if args.sender else roles.owner
        except ValueError as error:
            raise BadConfiguration(f"--from: {error}") from None
    try:
        return address_from_hex(
            "0x" + str(json.loads(args.keystore.read_bytes())["address"]).removeprefix("0x")
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfiguration(f"--keystore {args.keystore} is no keystore: {error}") from None


def unlock(args: argparse.Namespace) -> LocalAccount:
    """Decrypt the keystore. Raises BadConfiguration for a missing or wrong password."""
    if args.password_file is None:
        raise BadConfiguration("--password-file is needed with --keystore")
    try:
        password = args.password_file.read_text().rstrip("\n")
        key = Account.decrypt(json.loads(args.keystore.read_bytes()), password)
    except OSError as error:
        raise BadConfiguration(f"--password-file: {error}") from None
    except ValueError as error:
        raise BadConfiguration(
            f"--keystore {args.keystore} does not open: {error} (wrong password?)"
        ) from None
    return cast("LocalAccount", Account.from_key(key))


def deploy(args: argparse.Namespace) -> dict[str, Any]:
    """The report of a dry or a real run. Raises StopTheBot with what the operator must know."""
    roles = read_roles(args)
    deployer = read_deployer(args, roles)
    node = Node(args.rpc)
    try:
        plan = make_plan(node, roles, deployer, args.chain_id)
        outcome = {"transaction_hash": None, "block_number": None, "gas_used": None, "verified": None}
        if not args.dry_run:
            outcome = carry_out(node, plan, args)
    except BuildError as error:
        raise BadConfiguration(str(error)) from None
    except CompilerMissingError as error:
        raise Unreachable(str(error)) from None
    except Web3Exception as error:
        raise Unreachable(f"the node at --rpc answered with an error: {error}") from None
    return {**plan.described(), "dry_run": args.dry_run, **outcome}


def carry_out(node: Node, plan: Plan, args: argparse.Namespace) -> dict[str, Any]:
    receipt = send(node, plan, unlock(args))
    if receipt["contractAddress"] != plan.address:
        raise BrokenInvariant(f"deployed at {receipt['contractAddress']}, {plan.address} was predicted")
    verify(node, plan)
    return {
        "transaction_hash": "0x" + bytes(receipt["transactionHash"]).hex(),
        "block_number": receipt["blockNumber"],
        "gas_used": receipt["gasUsed"],
        "verified": True,
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""
    roles = report["constructor"]
    fee = int(report["fee_wei"])
    said = [
        f"chain            {report['chain_id']}",
        f"deployer         {report['deployer']}, nonce {report['nonce']}; gets no rights",
        f"owner            {roles['owner']}",
        f"recipient        {roles['recipient']}",
        f"weth             {roles['weth']}",
        *(f"operator         {operator}" for operator in roles["operators"]),
        f"creation code    keccak {report['creation_code_hash']}",
        f"runtime code     keccak {report['runtime_hash']}, {report['runtime_size']} bytes",
        f"gas              {report['gas']}",
        f"fee              {fee} wei ({from_wei(fee, 'ether')} ETH) at a base fee of {report['base_fee_wei']} wei",
        f"address          {report['address']}",
    ]
    if report["dry_run"]:
        return [*said, "dry run: simulated, nothing signed, nothing sent"]
    block = report["block_number"]
    return [
        *said,
        f"deployed in block {block} by {report['transaction_hash']}; code and roles read back and equal",
    ]


def main() -> int:
    args = parse_arguments()
    try:
        report = deploy(args)
    except StopTheBot as error:
        for line in str(error).splitlines():
            print(f"deploy: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    print(json.dumps(report) if args.json else "\n".join(lines(report)))
    return EXIT_GOOD


if __name__ == "__main__":
    sys.exit(main())
