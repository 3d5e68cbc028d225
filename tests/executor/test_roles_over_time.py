"""Roles that change while something else is the case, and bits of a hop that mean nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from executor_chain import RpcError, call_data
from executor_stage import ETHER, EXECUTE, FOREVER, rows
from mixed_market import V2, V3
from mixed_stage import GAS, MixedStage

OUT_OF_THE_WORD = (163, 168, 169, 170, 171, 200, 255)
"""Above the flags: no meaning, or the contract's own notes on a cycle in progress."""
MAX_OPERATORS = 16


@pytest.fixture
def stage(mixed: MixedStage) -> Iterator[MixedStage]:
    """As it was before."""
    snapshot = mixed.chain.rpc("evm_snapshot")
    yield mixed
    mixed.chain.rpc("evm_revert", snapshot)


def own(stage: MixedStage, signature: str, *arguments: Any) -> None:
    stage.chain.send(stage.owner, stage.executor, call_data(signature, *arguments))


def said(stage: MixedStage, sender: str, data: bytes) -> str:
    """The refusal; empty where it goes through."""
    fields = {"from": sender, "to": stage.executor, "data": "0x" + data.hex(), "gas": GAS}
    (outcome,) = stage.chain.outcomes([("eth_call", [fields, "latest"])])
    if not isinstance(outcome, RpcError):
        return ""
    return outcome.reason.removeprefix("execution reverted: ")


def call_of(stage: MixedStage, hops: list[tuple[int, int]], min_profit: int) -> bytes:
    return call_data(EXECUTE, hops, stage.market.weth, min_profit, 0, 0, FOREVER)


def test_a_new_recipient_is_paid_from_the_next_transaction_on(stage: MixedStage) -> None:
    cycle, gain = stage.market.cycle(ETHER, stage.market.path((V3, V2)))
    other, before = stage.chain.accounts[6], stage.balance(stage.market.weth, stage.recipient)
    own(stage, "set_recipient(address)", other)
    stage.execute(cycle, min_profit=gain)
    assert stage.balance(stage.market.weth, other) == gain
    assert stage.balance(stage.market.weth, stage.recipient) == before


def test_an_operator_added_while_paused_waits_as_the_others_do(stage: MixedStage) -> None:
    cycle, gain = stage.market.cycle(ETHER, stage.market.path((V3, V2)))
    data, other = stage.data(cycle, min_profit=gain), stage.chain.accounts[7]
    own(stage, "set_paused(bool)", True)
    own(stage, "set_operator(address,bool)", other, True)
    assert [said(stage, each, data) for each in (other, stage.operator)] == ["executor: paused"] * 2
    own(stage, "set_paused(bool)", False)
    assert [said(stage, each, data) for each in (other, stage.operator)] == [""] * 2
    own(stage, "set_operator(address,bool)", other, True)
    own(stage, "set_operator(address,bool)", other, False)
    assert said(stage, other, data) == "executor: not operator", "added twice, revoked once"


def test_bits_without_a_meaning_change_nothing(stage: MixedStage) -> None:
    for mix in ((V3, V2), (V2, V3), (V2, V2, V3), (V3, V2, V2)):
        cycle, gain = stage.market.cycle(ETHER, stage.market.path(mix))
        hops = rows(cycle)
        for bit in OUT_OF_THE_WORD:
            dirty = [(pool | 1 << bit, amounts) for pool, amounts in hops]
            assert said(stage, stage.operator, call_of(stage, dirty, gain)) == "", f"{mix}, bit {bit}"
        for place in range(1, len(hops)):
            dirty = [
                (pool, out | (ETHER << 128 if at == place else 0)) for at, (pool, out) in enumerate(hops)
            ]
            assert said(stage, stage.operator, call_of(stage, dirty, gain)) == "", f"{mix}, hop {place}"
        refused = said(stage, stage.operator, call_of(stage, hops, gain + 1))
        assert refused == "executor: min profit", "control: the gain is all there is"


def test_no_more_than_sixteen_operators(stage: MixedStage) -> None:
    for number in range(MAX_OPERATORS - 1):
        own(stage, "set_operator(address,bool)", f"0x{number + 1:040x}", True)
    one_more = call_data("set_operator(address,bool)", stage.chain.accounts[7], True)
    assert said(stage, stage.owner, one_more) == "executor: too many operators"
    again = call_data("set_operator(address,bool)", stage.operator, True)
    assert said(stage, stage.owner, again) == "", "who is one already takes no place"


@pytest.mark.parametrize("base", ["weth", "identity precompile", "nobody"])
def test_no_cycles_at_all(stage: MixedStage, base: str) -> None:
    tokens = {"weth": stage.market.weth, "identity precompile": f"0x{4:040x}", "nobody": f"0x{0:040x}"}
    data = call_data(EXECUTE, [], tokens[base], 0, 0, 0, FOREVER)
    assert said(stage, stage.operator, data) == "executor: no cycles"


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [
        ("uniswapV2Call(address,uint256,uint256,bytes)", (0, 0, b"")),
        ("pancakeCall(address,uint256,uint256,bytes)", (0, 0, b"")),
        ("uniswapV3SwapCallback(int256,int256,bytes)", (0, 0, b"")),
        ("pancakeV3SwapCallback(int256,int256,bytes)", (0, 0, b"")),
    ],
    ids=lambda value: value.partition("(")[0] if isinstance(value, str) else "",
)
def test_a_callback_while_nothing_is_awaited(
    stage: MixedStage, signature: str, arguments: tuple[Any, ...]
) -> None:
    """From the address that an empty note names, too."""
    if len(arguments) < signature.count(",") + 1:
        arguments = (stage.executor, *arguments)
    for sender in (f"0x{0:040x}", stage.operator):
        refused = said(stage, sender, call_data(signature, *arguments))
        assert refused == "executor: unexpected callback"
