"""Law 16: a stranger's call to any selector, with any data and value, changes nothing.

STRANGER_CALLS calls (default 10,000) are traced one by one against a stage on which the Executor holds ether, WETH
and a token, all of which a hole would let out. STRANGER_SEED repeats a run.
"""

import json
import os
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import encode
from executor_chain import RpcError, call_data, selector
from executor_stage import BUILT, ETHER, FOREVER, Stage

CALLS = int(os.environ.get("STRANGER_CALLS", "10000"))
SEED = int(os.environ.get("STRANGER_SEED", random.SystemRandom().randrange(2**32)))
BATCH = 100
CALLBACKS = ("uniswapV2Call", "pancakeCall")
V3_CALLBACKS = ("uniswapV3SwapCallback", "pancakeV3SwapCallback")
UNKNOWN_SELECTOR = "(no such selector)"


@dataclass(frozen=True)
class Call:
    name: str
    sender: str
    data: bytes
    value: int

    def fields(self, executor: str) -> dict[str, Any]:
        return {
            "from": self.sender,
            "to": executor,
            "data": "0x" + self.data.hex(),
            "value": hex(self.value),
            "gas": hex(3_000_000),
        }

    def traced(self, executor: str) -> tuple[str, list[Any]]:
        tracer = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
        return "debug_traceCall", [self.fields(executor), "latest", tracer]

    def plain(self, executor: str) -> tuple[str, list[Any]]:
        return "eth_call", [self.fields(executor), "latest"]


@pytest.fixture(scope="module")
def rich_stage(stage: Stage) -> Stage:
    """The Executor holds something of everything, as it never does by itself; pairs and tokens can pay for calls."""
    chain, donor = stage.chain, stage.chain.accounts[0]
    chain.send(donor, stage.weth, call_data("deposit()"), value=ETHER)
    chain.send(donor, stage.weth, call_data("transfer(address,uint256)", stage.executor, ETHER))
    chain.send(donor, stage.token, call_data("mint(address,uint256)", stage.executor, ETHER))
    for address in (stage.executor, *callers(stage)):
        chain.rpc("anvil_setBalance", address, hex(100 * ETHER))
    return stage


def callers(stage: Stage) -> list[str]:
    """Strangers: people, and the contracts that could have a reason to call."""
    return [stage.stranger, stage.recipient, stage.uniswap.address, stage.pancake.address, stage.token]


def functions() -> dict[str, list[str]]:
    """Signature -> argument types of every function of the Executor, from its ABI."""
    abi = json.loads((BUILT / "Executor.json").read_bytes())["abi"]
    found = {}
    for entry in abi:
        if entry["type"] == "function":
            types = [_canonical(argument) for argument in entry["inputs"]]
            found[f"{entry['name']}({','.join(types)})"] = types
    return found


def _canonical(argument: dict[str, Any]) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    inner = ",".join(_canonical(component) for component in argument["components"])
    return f"({inner}){argument['type'].removeprefix('tuple')}"


class Strangers:
    """Draws calls: valid arguments that aim at the stage, arguments of the right types, and plain noise."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.random, self.functions = stage, random.Random(seed), functions()
        good, gain = stage.cycle(ETHER, [stage.uniswap, stage.pancake], [stage.weth, stage.token])
        assert gain > 0
        self.good_plan = stage.execute_data([good], 0, 0, (0, FOREVER))
        self.addresses = [
            *callers(stage),
            stage.executor,
            stage.owner,
            stage.operator,
            stage.weth,
            "0x" + "00" * 20,
        ]

    def draw(self) -> Call:
        signature = self.random.choice([*self.functions, UNKNOWN_SELECTOR])
        sender = self.random.choice(callers(self.stage))
        value = self.random.choice([0, 0, 0, 0, 0, 0, 1, ETHER, 50 * ETHER])
        return Call(signature, sender, self._data(signature), value)

    def _data(self, signature: str) -> bytes:
        if signature == UNKNOWN_SELECTOR:
            return self.random.randbytes(self.random.choice([0, 0, 1, 3, 4, 36, 300]))
        types, shape = self.functions[signature], self.random.random()
        if signature.startswith("execute") and shape < 0.3:
            return self.good_plan
        if signature.startswith(CALLBACKS) and shape < 0.3:
            return call_data(signature, self.stage.executor, ETHER, 0, b"\x01")
        if signature.startswith(V3_CALLBACKS) and shape < 0.3:
            return call_data(signature, ETHER, -ETHER, b"")
        if shape < 0.6:
            return selector(signature) + encode(types, [self._argument(kind) for kind in types])
        noise = self.random.randbytes(self.random.choice([0, 4, 31, 32, 64, 200, 640]))
        return selector(signature) + (noise if shape < 0.8 else bytes(len(noise)))

    def _argument(self, kind: str) -> Any:
        if kind.endswith("[]"):
            return [self._argument(kind[:-2]) for _ in range(self.random.randrange(6))]
        if kind.startswith("("):
            return tuple(self._argument(part) for part in kind[1:-1].split(","))
        return {
            "address": lambda: self.random.choice(self.addresses),
            "bool": lambda: self.random.random() < 0.5,
            "uint256": lambda: self.random.choice([0, 1, ETHER, FOREVER, self.random.getrandbits(256)]),
            "int256": lambda: self.random.choice(
                [0, 1, -1, ETHER, -ETHER, self.random.getrandbits(256) - 2**255]
            ),
            "bytes": lambda: self.random.randbytes(self.random.choice([0, 1, 1, 2, 64])),
        }[kind]()


def changes(call: Call, diff: dict[str, Any]) -> dict[str, Any]:
    """What the call changed, per account, beyond the caller's own nonce. Gas is free here, so balances are exact.

    In diff mode an account appears only when changed, and a slot set to zero is missing from `post`.
    """
    changed = {}
    for address in {*diff["pre"], *diff["post"]}:
        before, after = diff["pre"].get(address, {}), dict(diff["post"].get(address, {}))
        if address.lower() == call.sender.lower():
            after.pop("nonce", None)
            if not after and "storage" not in before:
                continue
        changed[address.lower()] = {"before": before, "after": after}
    return changed


def trace_all(stage: Stage, calls: list[Call]) -> list[dict[str, Any]]:
    traced = []
    for start in range(0, len(calls), BATCH):
        some = calls[start : start + BATCH]
        diffs = stage.chain.batch(call.traced(stage.executor) for call in some)
        traced += [changes(call, diff) for call, diff in zip(some, diffs, strict=True)]
    return traced


def test_no_call_of_a_stranger_changes_anything(rich_stage: Stage) -> None:
    strangers = Strangers(rich_stage, SEED)
    calls = [strangers.draw() for _ in range(CALLS)]
    harmful = [
        (call, found) for call, found in zip(calls, trace_all(rich_stage, calls), strict=True) if found
    ]
    seen = Counter(call.name for call in calls)
    print(f"\n{CALLS} calls of strangers, STRANGER_SEED={SEED}, over {len(seen)} selectors:")
    print("\n".join(f"  {count:5} {name}" for name, count in seen.most_common()))
    assert not harmful, f"STRANGER_SEED={SEED}: {harmful[:3]}"
    assert len(calls) == CALLS > 0
    assert set(seen) == {*functions(), UNKNOWN_SELECTOR}
    assert {call.sender for call in calls} == set(callers(rich_stage))


def test_the_drawn_calls_reach_every_guard(rich_stage: Stage) -> None:
    """Noise that dies in the decoder would prove nothing: each guard must have been what stopped some call."""
    strangers = Strangers(rich_stage, SEED)
    outcomes = rich_stage.chain.outcomes(strangers.draw().plain(rich_stage.executor) for _ in range(3000))
    reasons = Counter(
        outcome.reason.partition("executor: ")[2] if isinstance(outcome, RpcError) else "answered"
        for outcome in outcomes
    )
    print(f"\n{dict(reasons)}")
    guards = {
        "not operator",
        "not owner",
        "not pending owner",
        "not our swap",
        "unexpected callback",
        "only weth pays",
    }
    assert guards | {"answered", "block window"} <= set(reasons), f"STRANGER_SEED={SEED}"


def test_the_same_check_sees_an_operators_good_call(rich_stage: Stage) -> None:
    """The control: the strangers' own good plan, sent by the operator, moves the pairs and pays the recipient."""
    stage = rich_stage
    good = Call("execute", stage.operator, Strangers(stage, SEED).good_plan, 0)
    (found,) = trace_all(stage, [good])
    assert {stage.weth.lower(), stage.uniswap.address.lower(), stage.pancake.address.lower()} <= set(found)


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [
        ("set_paused(bool)", [True]),
        ("set_operator(address,bool)", ["0x" + "77" * 20, True]),
        ("set_recipient(address)", ["0x" + "77" * 20]),
        ("offer_ownership(address)", ["0x" + "77" * 20]),
        ("sweep(address)", ["0x" + "00" * 20]),
    ],
)
def test_the_same_check_sees_the_owners_calls(
    rich_stage: Stage, signature: str, arguments: list[Any]
) -> None:
    data = call_data(signature, *arguments)
    by_owner, by_stranger = trace_all(
        rich_stage,
        [Call(signature, rich_stage.owner, data, 0), Call(signature, rich_stage.stranger, data, 0)],
    )
    assert rich_stage.executor.lower() in by_owner
    assert by_stranger == {}


def test_the_same_check_sees_ether_that_weth_pays(rich_stage: Stage) -> None:
    from_weth, from_stranger = trace_all(
        rich_stage,
        [Call("", rich_stage.weth, b"", 1), Call("", rich_stage.stranger, b"", 1)],
    )
    assert "balance" in from_weth[rich_stage.executor.lower()]["after"]
    assert from_stranger == {}
