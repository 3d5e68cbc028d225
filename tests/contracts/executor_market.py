"""What the Executor trades on in these tests: real pairs, their quotes, and cycles through them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ape.contracts import ContractContainer, ContractInstance
from ethpm_types import ContractType

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / ".parts"
BUILT = ROOT / ".build" / "test-contracts"
SOURCES = ROOT / "tests" / "contracts" / "sources"

ETHER = 10**18
UNISWAP_KEEPS = 997  # per mille of the input that is traded: the fee is 0.3 %
PANCAKE_KEEPS = 998  # PancakeSwap's first pairs: 0.2 %
FOREVER = 2**64


def build_sources() -> None:
    script = ROOT / "scripts" / "build_contracts.py"
    subprocess.run([sys.executable, script, SOURCES, "--out", BUILT], check=True, capture_output=True)


def container(path: Path) -> ContractContainer:
    """A deployable contract from an artifact, shipped or built."""
    document = json.loads(path.read_bytes())
    code = "0x" + document["bytecode"].removeprefix("0x")
    return ContractContainer(
        ContractType.model_validate(
            {"contractName": path.stem, "abi": document["abi"], "deploymentBytecode": {"bytecode": code}}
        )
    )


def shipped(part: str, name: str) -> ContractContainer:
    return container(PARTS / part / f"{name}.json")


def built_container(name: str) -> ContractContainer:
    return container(BUILT / f"{name}.json")


@dataclass(frozen=True)
class Venue:
    """A factory and the pairs it makes."""

    factory: ContractInstance
    pair: ContractContainer
    keeps: int


@dataclass(frozen=True)
class Pair:
    contract: ContractInstance
    token0: str
    keeps: int

    @property
    def address(self) -> str:
        return self.contract.address

    def sells_token0(self, token_in: ContractInstance) -> bool:
        return token_in.address.lower() == self.token0.lower()

    def quote(self, token_in: ContractInstance, amount_in: int) -> int:
        """Greatest output the pair's K allows for this input, by its reserves of now."""
        reserve0, reserve1, _ = self.contract.getReserves()
        reserve_in, reserve_out = (
            (reserve0, reserve1) if self.sells_token0(token_in) else (reserve1, reserve0)
        )
        traded = amount_in * self.keeps
        return traded * reserve_out // (reserve_in * 1000 + traded)


@dataclass(frozen=True)
class Market:
    """Pairs of WETH and two tokens, with gaps between the venues; see `conftest.market` for the prices."""

    uniswap_token: Pair
    pancake_token: Pair
    uniswap_coin: Pair
    pancake_coin: Pair
    uniswap_cross: Pair


def cycle(amount_in: int, *legs: tuple[Pair, ContractInstance]) -> tuple[tuple, int]:
    """The Executor's cycle that sells each leg's token to its pair, and its gain (negative: a loss)."""
    hops, amount = [], amount_in
    for pair, token_in in legs:
        amount = pair.quote(token_in, amount)
        hops.append((pair.address, pair.sells_token0(token_in), amount))
    return (amount_in, hops), amount - amount_in


def rows(*cycles: tuple) -> list[tuple[int, int]]:
    """Cycles of pairs as `execute` takes them."""
    return [
        (
            int(pool, 16) | zero_for_one << 160 | (place == len(hops) - 1) << 162,
            out | (amount_in << 128 if place == 0 else 0),
        )
        for amount_in, hops in cycles
        for place, (pool, zero_for_one, out) in enumerate(hops)
    ]


def fund(token: ContractInstance, receiver: str, amount: int, payer) -> None:
    """WETH is wrapped by `payer`, test tokens are minted."""
    if "deposit" in token._mutable_methods_:
        token.deposit(value=amount, sender=payer)
        token.transfer(receiver, amount, sender=payer)
    else:
        token.mint(receiver, amount, sender=payer)


def open_pair(venue: Venue, amounts: dict[ContractInstance, int], payer) -> Pair:
    """A new pair with this liquidity."""
    first, second = amounts
    venue.factory.createPair(first, second, sender=payer)
    contract = venue.pair.at(venue.factory.getPair(first, second))
    for token, amount in amounts.items():
        fund(token, contract.address, amount, payer)
    contract.mint(payer, sender=payer)
    return Pair(contract, contract.token0(), venue.keeps)
