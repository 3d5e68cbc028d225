"""V3 pools that lie, and real ones made to answer out of turn. The Executor holds a donation throughout.

A fake pool runs a script of calls when it is told to swap; a call that fails takes the whole transaction with it.
"""

from collections.abc import Iterator

import pytest
from executor_chain import RpcError, call_data
from executor_stage import ETHER, EXECUTE, FOREVER, Hop, built_code, rows
from mixed_market import V2, V3
from mixed_stage import MixedStage

V3_NAMES = "uniswapV3SwapCallback", "pancakeV3SwapCallback"
DONATION = 3 * ETHER
UNEXPECTED = "executor: unexpected callback"
Script = tuple[str, bytes]


class Fakes:
    """Makes fake pools that hold ten WETH and ten of each token."""

    def __init__(self, stage: MixedStage) -> None:
        self.stage, self.chain, self.weth = stage, stage.chain, stage.market.weth

    def pool(self, *script: Script) -> str:
        deployer = self.stage.market.deployer
        address = self.chain.deploy(deployer, built_code("FakePool"))
        for token in (self.weth, *self.stage.market.tokens):
            self.chain.send(deployer, token, call_data("transfer(address,uint256)", address, 10 * ETHER))
        self.chain.send(deployer, address, call_data("set_script((address,bytes)[])", list(script)))
        return address

    def calls_back(self, name: str = V3_NAMES[0]) -> Script:
        if name in V3_NAMES:
            return self.stage.executor, call_data(f"{name}(int256,int256,bytes)", ETHER, -ETHER, b"")
        arguments = self.stage.executor, 1, 0, b"\x01"
        return self.stage.executor, call_data(f"{name}(address,uint256,uint256,bytes)", *arguments)

    def sends(self, amount: int, to: str | None = None, token: str | None = None) -> Script:
        data = call_data("transfer(address,uint256)", to or self.stage.executor, amount)
        return token or self.weth, data

    def pokes(self, pool: str) -> Script:
        """Has another fake run its script."""
        return pool, b"\x00\x00\x00\x00"


@pytest.fixture
def fakes(mixed: MixedStage) -> Iterator[Fakes]:
    snapshot = mixed.chain.rpc("evm_snapshot")
    data = call_data("transfer(address,uint256)", mixed.executor, DONATION)
    mixed.chain.send(mixed.market.deployer, mixed.market.weth, data)
    yield Fakes(mixed)
    assert mixed.balances(mixed.executor) == [DONATION, 0, 0, 0]
    mixed.chain.rpc("evm_revert", snapshot)


def hop(pool: str, out: int = 1, *, is_v3: bool = True) -> Hop:
    return pool, True, out, is_v3


@pytest.mark.parametrize("name", V3_NAMES)
def test_control_fakes_that_behave_are_served(fakes: Fakes, name: str) -> None:
    """Two V3 pools, one inside the other's callback."""
    stage = fakes.stage
    first = fakes.pool(fakes.calls_back(name))
    last = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back(name))
    before = stage.balance(fakes.weth, stage.recipient)
    stage.execute((ETHER, [hop(first), hop(last)]), min_profit=ETHER)
    assert stage.balance(fakes.weth, stage.recipient) == before + ETHER
    assert stage.balance(fakes.weth, first) == 11 * ETHER


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("script", ["nothing", "only sends", "no contract"])
def test_a_pool_that_does_not_call_back(fakes: Fakes, place: str, script: str) -> None:
    scripts = {
        "nothing": fakes.pool(),
        "only sends": fakes.pool(fakes.sends(2 * ETHER)),
        "no contract": "0x" + "77" * 20,
    }
    honest = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back())
    order = [scripts[script], honest] if place == "first" else [honest, scripts[script]]
    assert fakes.stage.refusal((ETHER, [hop(pool) for pool in order])) == "executor: no callback"


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("again", [*V3_NAMES, "uniswapV2Call", "pancakeCall"])
def test_a_pool_that_calls_back_twice(fakes: Fakes, place: str, again: str) -> None:
    twice = fakes.pool(fakes.sends(5 * ETHER), fakes.calls_back(), fakes.calls_back(again))
    honest = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back())
    order = [twice, honest] if place == "first" else [honest, twice]
    assert fakes.stage.refusal((ETHER, [hop(pool) for pool in order])) == UNEXPECTED


@pytest.mark.parametrize("name", ["uniswapV2Call", "pancakeCall"])
def test_a_v3_pool_that_answers_by_a_pairs_name(fakes: Fakes, name: str) -> None:
    pool = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back(name))
    assert fakes.stage.refusal((ETHER, [hop(fakes.pool()), hop(pool)])) == UNEXPECTED


@pytest.mark.parametrize("name", V3_NAMES)
def test_a_pair_that_answers_by_a_v3_pools_name(fakes: Fakes, name: str) -> None:
    pool = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back(name))
    assert fakes.stage.refusal((ETHER, [hop(fakes.pool()), hop(pool, is_v3=False)])) == UNEXPECTED


def test_an_accomplice_that_calls_back_in_its_place(fakes: Fakes) -> None:
    accomplice = fakes.pool(fakes.calls_back())
    pool = fakes.pool(fakes.sends(2 * ETHER), fakes.pokes(accomplice))
    assert fakes.stage.refusal((ETHER, [hop(accomplice), hop(pool)])) == UNEXPECTED


def test_the_outer_pool_called_back_in_the_inner_ones_turn(fakes: Fakes) -> None:
    """The first pool, when it is its turn, has the last one call back again instead."""
    last = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back())
    first = fakes.pool(fakes.pokes(last), fakes.calls_back())
    assert fakes.stage.refusal((ETHER, [hop(first), hop(last)])) == UNEXPECTED


def test_a_pair_in_the_middle_never_calls_back(fakes: Fakes) -> None:
    for name in (*V3_NAMES, "uniswapV2Call"):
        middle = fakes.pool(fakes.calls_back(name))
        last = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back())
        assert fakes.stage.refusal((ETHER, [hop(middle, is_v3=False), hop(last)])) == UNEXPECTED


def test_a_pool_that_calls_back_before_its_cycles_turn(fakes: Fakes) -> None:
    """The pool of the second cycle, poked in the first one."""
    later = fakes.pool(fakes.sends(2 * ETHER), fakes.calls_back())
    early = fakes.pool(fakes.pokes(later), fakes.calls_back())
    honest = fakes.pool(fakes.calls_back())
    cycles = (ETHER, [hop(honest), hop(early)]), (ETHER, [hop(honest), hop(later)])
    assert fakes.stage.refusal(*cycles) == UNEXPECTED


def test_a_pool_that_executes_again(fakes: Fakes) -> None:
    """Even as an operator."""
    stage = fakes.stage
    cycle, _ = stage.market.cycle(ETHER, stage.market.path((V3, V2)))
    inner = call_data(EXECUTE, rows(cycle), fakes.weth, 0, 0, 0, FOREVER)
    pool = fakes.pool((stage.executor, inner))
    stage.chain.send(stage.owner, stage.executor, call_data("set_operator(address,bool)", pool, True))
    assert stage.refusal((ETHER, [hop(fakes.pool()), hop(pool)])) == "executor: locked"
    stage.chain.send(stage.operator, pool, b"\x00\x00\x00\x00")  # on its own it works


@pytest.mark.parametrize(("following", "said"), [(V2, "UniswapV2: K"), (V3, "IIA")])
def test_a_pool_that_pays_the_next_one_less(fakes: Fakes, following: str, said: str) -> None:
    """It asks for its input as if it had sent all; the next pool, a real one, counts."""
    stage = fakes.stage
    (_, last) = stage.market.path((V3, following))
    out, _ = stage.market.quote(last, ETHER)
    real = (last.address, last.zero_for_one, out, following == V3)
    for paid, refused in ((ETHER, ""), (ETHER * 99 // 100, said)):
        thief = fakes.pool(fakes.sends(paid, last.address, last.token_in), fakes.calls_back())
        cycle = ETHER // 2, [hop(thief), real]
        if refused:
            assert stage.refusal(cycle) == refused
        else:
            assert (
                stage.refusal(cycle, min_profit=ETHER) == "executor: min profit"
            )  # all but the profit is right


def test_a_last_pool_that_sends_less_than_its_output(fakes: Fakes) -> None:
    """The donation could make up for it; the balance afterwards tells."""
    pool = fakes.pool(fakes.sends(ETHER - 1), fakes.calls_back())
    assert (
        fakes.stage.refusal((ETHER, [hop(fakes.pool(fakes.calls_back())), hop(pool)]))
        == "executor: min profit"
    )


@pytest.mark.parametrize("mix", [(V3, V2), (V3, V3), (V2, V3)], ids="-".join)
def test_an_output_that_is_filled_in_part(fakes: Fakes, mix: tuple[str, str]) -> None:
    """More than a real V3 pool has: it stops at the price limit, sends what there is and asks for its price."""
    stage = fakes.stage
    path = stage.market.path(mix)
    (amount_in, hops), _ = stage.market.cycle(ETHER, path)
    place = mix.index(V3)
    pool, direction, _, is_v3 = hops[place]
    held = stage.balance(path[place].token_out, pool)
    hops[place] = (pool, direction, held + ETHER, is_v3)
    assert stage.refusal((amount_in, hops)) == "IIA"


@pytest.mark.parametrize(
    ("following", "said"), [(V2, "UniswapV2: K"), (V3, "IIA"), (None, "executor: min profit")]
)
def test_liquidity_that_ends_before_the_output(fakes: Fakes, following: str | None, said: str) -> None:
    """A real pool with liquidity in one narrow range: it sends what there was, and asks for no more than that costs."""
    stage, market = fakes.stage, fakes.stage.market
    token = market.tokens[0]
    ends = (market.weth, token) if following else (token, market.weth)
    pool = market.narrow_pool(*ends)
    held = stage.balance(pool.token_out, pool.address)
    for out in (held // 2, held * 2):
        limited = (pool.address, pool.zero_for_one, out, True)
        if following:
            last = market.pools[following, token, market.weth]
            bought, _ = market.quote(last, out)
            hops = [limited, (last.address, last.zero_for_one, bought, following == V3)]
        else:
            first = market.pools[V2, market.weth, token]
            bought, _ = market.quote(first, 2 * held)
            hops = [(first.address, first.zero_for_one, bought, False), limited]
        cycle = 2 * held, hops
        said_now = said if out > held else "executor: min profit"
        assert stage.refusal(cycle, min_profit=hops[-1][2]) == said_now


@pytest.mark.parametrize("name", V3_NAMES)
def test_callbacks_out_of_any_swap(fakes: Fakes, name: str) -> None:
    stage = fakes.stage
    for sender in stage.chain.accounts[:5]:
        fields = {"from": sender, "to": stage.executor, "data": "0x" + fakes.calls_back(name)[1].hex()}
        (answer,) = stage.chain.outcomes([("eth_call", [fields, "latest"])])
        assert isinstance(answer, RpcError)
        assert UNEXPECTED in answer.reason
