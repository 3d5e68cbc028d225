"""The hand-written encoder against eth_abi, and what it must refuse."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import Address, keccak
from bot.protocols.executor import EXECUTE_SELECTOR, EXECUTOR_ABI_SIGNATURE, Cycle, Hop, encode_execute

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
POOL = Address(bytes(range(20)))
HOP = Hop(POOL, True, 5)
CYCLE = Cycle(7, (HOP, HOP))

# Edges of the range and of every byte length come up more often than a uniform draw would show them.
uint256 = st.one_of(
    st.integers(0, 2**256 - 1), st.integers(0, 255).map(lambda n: 1 << n), st.just(2**256 - 1), st.just(0)
)
uint128 = st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 127).map(lambda n: 1 << n), st.just(0))
address = st.binary(min_size=20, max_size=20).map(Address)
protocol = st.sampled_from(("uniswap_v2", "uniswap_v3", "pancakeswap_v3"))
hop = st.builds(Hop, address, st.booleans(), uint128, protocol)
cycle = st.builds(Cycle, uint128, st.lists(hop, min_size=2, max_size=4).map(tuple))
cycles = st.lists(cycle, min_size=1, max_size=8).map(tuple)


@settings(max_examples=150, deadline=None)
@given(cycles, address, uint256, uint256, uint256, uint256)
def test_equals_the_abi_encoding(cycles, base_token, min_profit, payment, first_block, last_block):
    rows = [
        (
            int.from_bytes(hop.pool)
            + hop.zero_for_one * 2**160
            + (hop.protocol != "uniswap_v2") * 2**161
            + (place == len(each.hops) - 1) * 2**162,
            hop.amount_out + (0 if place else each.amount_in) * 2**128,
        )
        for each in cycles
        for place, hop in enumerate(each.hops)
    ]
    values = [rows, "0x" + base_token.hex(), min_profit, payment, first_block, last_block]
    expected = EXECUTE_SELECTOR + encode(ARGUMENTS, values)
    assert encode_execute(cycles, base_token, min_profit, payment, first_block, last_block) == expected


def test_selector_is_that_of_the_compiled_contract(tmp_path):
    script = ROOT / "scripts" / "build_contracts.py"
    subprocess.run(
        [sys.executable, script, ROOT / "contracts", "--out", tmp_path], check=True, capture_output=True
    )
    abi = json.loads((tmp_path / "Executor.json").read_bytes())["abi"]
    (execute,) = (entry for entry in abi if entry.get("name") == "execute")
    signature = f"execute({','.join(_canonical(argument) for argument in execute['inputs'])})"
    assert signature == EXECUTOR_ABI_SIGNATURE
    assert keccak(signature.encode())[:4] == EXECUTE_SELECTOR


def _canonical(argument):
    if not argument["type"].startswith("tuple"):
        return argument["type"]
    inner = ",".join(_canonical(component) for component in argument["components"])
    return f"({inner}){argument['type'].removeprefix('tuple')}"


@pytest.mark.parametrize("number", [-1, 2**256])
@pytest.mark.parametrize("position", range(2, 6))
def test_refuses_numbers_outside_uint256(position, number):
    arguments = [(CYCLE,), POOL, 1, 2, 3, 4]
    assert encode_execute(*arguments)
    arguments[position] = number
    with pytest.raises(ValueError, match=f"^{number} does not fit uint256"):
        encode_execute(*arguments)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ((), "0 cycles"),
        ((CYCLE,) * 9, "9 cycles"),
        ((Cycle(1, (HOP,)),), "1 hops"),
        ((Cycle(1, (HOP,) * 5),), "5 hops"),
        ((Cycle(-1, (HOP, HOP)),), "-1 does not fit uint128"),
        ((Cycle(2**128, (HOP, HOP)),), "does not fit uint128"),
        ((Cycle(1, (HOP, Hop(POOL, False, 2**128))),), "does not fit uint128"),
        ((Cycle(1, (HOP, Hop(POOL, False, -1))),), "-1 does not fit uint128"),
        ((Cycle(1, (HOP, Hop(Address(bytes(19)), False, 1))),), "this one 19"),
        ((CYCLE, Cycle(1, (HOP, Hop(Address(bytes(32)), False, 1)))), "this one 32"),
    ],
)
def test_refuses_plans_the_contract_cannot_hold(bad, said):
    with pytest.raises(ValueError, match=said):
        encode_execute(bad, POOL, 0, 0, 0, 0)


@pytest.mark.parametrize("base", [b"", bytes(19), bytes(21)])
def test_refuses_a_base_token_that_is_no_address(base):
    with pytest.raises(ValueError, match="20 bytes"):
        encode_execute((CYCLE,), Address(base), 0, 0, 0, 0)
