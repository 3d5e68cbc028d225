"""A stage for the Executor: real WETH9, Uniswap V2 and PancakeSwap pairs with a price gap, the Executor, its roles."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executor_chain import ROOT, Chain, call_data

PARTS = ROOT / ".parts"
BUILT = ROOT / ".build" / "test-contracts"
SOURCES = (ROOT / "contracts", ROOT / "tests" / "contracts" / "sources")

ETHER = 10**18
EXECUTE = "execute((uint256,uint256)[],address,uint256,uint256,uint256,uint256)"
UNISWAP_KEEPS = 997  # per mille of the input that is traded
PANCAKE_KEEPS = 998
FOREVER = 2**64

ZERO_FOR_ONE, CONCENTRATED, LAST = 1 << 160, 1 << 161, 1 << 162

Hop = tuple[str, bool, int, bool]
"""Pool, whether token0 goes in, exact output, whether it is a V3 pool."""
Cycle = tuple[int, list[Hop]]


def rows(*cycles: Cycle) -> list[tuple[int, int]]:
    """Cycles as `execute` takes them."""
    found = []
    for amount_in, hops in cycles:
        for place, (pool, zero_for_one, out, concentrated) in enumerate(hops):
            flags = (
                zero_for_one * ZERO_FOR_ONE | concentrated * CONCENTRATED | (hops[place + 1 :] == []) * LAST
            )
            found.append((int(pool, 16) | flags, out | (amount_in << 128 if place == 0 else 0)))
    return found


def shipped_code(part: str, name: str) -> bytes:
    document = json.loads((PARTS / part / f"{name}.json").read_bytes())
    return bytes.fromhex(str(document["bytecode"]).removeprefix("0x"))


def built_code(name: str) -> bytes:
    return bytes.fromhex(json.loads((BUILT / f"{name}.json").read_bytes())["bytecode"][2:])


def market_code(name: str) -> bytes:
    """Of a contract of the local market; set-up compiles them."""
    return bytes.fromhex(
        json.loads((ROOT / ".build" / "contracts" / f"{name}.json").read_bytes())["bytecode"][2:]
    )


def build_contracts() -> None:
    command = [
        sys.executable,
        str(ROOT / "scripts" / "build_contracts.py"),
        *map(str, SOURCES),
        "--out",
        str(BUILT),
    ]
    subprocess.run(command, check=True, capture_output=True)


def amount_out(amount_in: int, reserve_in: int, reserve_out: int, keeps: int) -> int:
    """Greatest output a pair's K allows for this input."""
    traded = amount_in * keeps
    return traded * reserve_out // (reserve_in * 1000 + traded)


@dataclass
class Market:
    """One pair, and what we need to trade with it."""

    chain: Chain
    address: str
    token0: str
    keeps: int

    def quote(self, token_in: str, amount_in: int) -> int:
        reserves = self.chain.read(self.address, "getReserves()", returns="uint112,uint112,uint32")
        reserve_in, reserve_out = reserves[:2] if self.sells_token0(token_in) else reserves[1::-1]
        return amount_out(amount_in, reserve_in, reserve_out, self.keeps)

    def sells_token0(self, token_in: str) -> bool:
        return token_in.lower() == self.token0.lower()


@dataclass
class Stage:
    chain: Chain
    weth: str
    token: str
    uniswap: Market
    pancake: Market
    executor: str
    owner: str
    operator: str
    recipient: str
    stranger: str

    def cycle(self, amount_in: int, markets: Sequence[Market], tokens: Sequence[str]) -> tuple[Cycle, int]:
        """The cycle that sells `tokens[i]` to `markets[i]`, and its gain in base token (negative: a loss)."""
        hops, amount = [], amount_in
        for market, token in zip(markets, tokens, strict=True):
            amount = market.quote(token, amount)
            hops.append((market.address, market.sells_token0(token), amount, False))
        return (amount_in, hops), amount - amount_in

    def execute_data(
        self, cycles: list[Cycle], min_profit: int, payment: int, window: tuple[int, int]
    ) -> bytes:
        return call_data(EXECUTE, rows(*cycles), self.weth, min_profit, payment, *window)

    def token_balance(self, token: str, holder: str) -> int:
        return int(self.chain.read(token, "balanceOf(address)", holder))


def open_pair(
    chain: Chain, deployer: str, factory: str, amounts: dict[str, int], weth: str, keeps: int
) -> Market:
    """Create the pair of two tokens and put liquidity of these amounts into it."""
    first, second = amounts
    chain.send(deployer, factory, call_data("createPair(address,address)", first, second))
    pair = chain.read(factory, "getPair(address,address)", first, second, returns="address")
    for token, amount in amounts.items():
        if token == weth:
            chain.send(deployer, weth, call_data("deposit()"), value=amount)
            chain.send(deployer, weth, call_data("transfer(address,uint256)", pair, amount))
        else:
            chain.send(deployer, token, call_data("mint(address,uint256)", pair, amount))
    chain.send(deployer, pair, call_data("mint(address)", deployer))
    return Market(chain, pair, chain.read(pair, "token0()", returns="address"), keeps)


def open_stage(chain: Chain) -> Stage:
    """Deployed by the first dev account; the token is cheaper on Uniswap (1 WETH buys 2,000) than on PancakeSwap."""
    deployer, owner, operator, recipient, stranger = chain.accounts[:5]
    weth = chain.deploy(deployer, shipped_code("weth9", "WETH9"))
    token = chain.deploy(deployer, built_code("TestToken"), ["uint8"], [18])
    uniswap_factory = chain.deploy(
        deployer, shipped_code("uniswap-v2", "UniswapV2Factory"), ["address"], [deployer]
    )
    pancake_factory = chain.deploy(
        deployer, shipped_code("pancake-v2", "PancakeFactory"), ["address"], [deployer]
    )
    uniswap = open_pair(
        chain, deployer, uniswap_factory, {weth: 100 * ETHER, token: 200_000 * ETHER}, weth, UNISWAP_KEEPS
    )
    pancake = open_pair(
        chain, deployer, pancake_factory, {weth: 100 * ETHER, token: 180_000 * ETHER}, weth, PANCAKE_KEEPS
    )
    executor = deploy_executor(chain, deployer, owner, recipient, weth, [operator])
    return Stage(chain, weth, token, uniswap, pancake, executor, owner, operator, recipient, stranger)


def deploy_executor(
    chain: Chain, deployer: str, owner: str, recipient: str, weth: str, operators: list[str]
) -> str:
    types, args = ["address", "address", "address", "address[]"], [owner, recipient, weth, operators]
    return chain.deploy(deployer, built_code("Executor"), types, args)


def start_stage(folder: Path) -> Stage:
    build_contracts()
    chain = Chain.start(folder)
    try:
        return open_stage(chain)
    except BaseException:
        chain.stop()
        raise


def trace(stage: Stage, sender: str, data: bytes) -> Any:
    fields = {"from": sender, "to": stage.executor, "data": "0x" + data.hex(), "gas": hex(3_000_000)}
    return stage.chain.rpc("debug_traceCall", fields, "latest", {"tracer": "callTracer"})
