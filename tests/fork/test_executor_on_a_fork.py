"""The Executor on state it did not make: cycles that the oracle finds on a fork bring to the unit what it says."""

import pytest
from oracle.brute_force import candidates
from oracle.chain_reader import ChainReader
from oracle.executor_calldata import Cycle, Hop, rows_of
from oracle.node import text
from oracle.venues import FEES, WETH

WINDOW = 5


@pytest.fixture
def gaps(upstream):
    """The best cycle of two pairs of each token, greatest gain first, on the upstream's newest state."""
    reader = ChainReader(upstream)
    pairs = reader.pairs(FEES)
    reserves = reader.reserves([pair.address for pair in pairs], reader.head())
    found = candidates([(pair, reserves[pair.address]) for pair in pairs], WETH, (2,))
    best = {}
    for one in sorted(found, key=lambda one: one.gain):
        best[one.path.tokens[1]] = one
    assert best, "the traders left no gap"
    return {pair.address: pair for pair in pairs}, list(reversed(best.values()))


def executor_cycle(found):
    """As `execute` takes it."""
    path, amounts = found.path, found.sized.amounts
    hops = zip(path.pools, path.directions, amounts[1:], strict=True)
    return Cycle(amounts[0], tuple(Hop(pool.address, direction, out) for pool, direction, out in hops))


def upstream_state(upstream, pairs):
    reader = ChainReader(upstream)
    block = upstream.call("eth_getBlockByNumber", "latest", False)
    return block["hash"], block["stateRoot"], reader.reserves(list(pairs), reader.head())


@pytest.fixture
def roles(accounts):
    return {
        "deployer": accounts[9],
        "operator": accounts[8],
        "owner": accounts[7].address,
        "recipient": accounts[6].address,
    }


def test_every_gap_of_the_fork_is_taken_to_the_unit(project, roles, gaps, upstream, fork, attach, weth):
    pairs, found = gaps
    before = upstream_state(upstream, pairs)
    with attach(fork) as provider:
        assert provider.chain_id == 31337
        assert provider.web3.provider.endpoint_uri == fork.url
        height = provider.get_block("latest").number
        executor = roles["deployer"].deploy(
            project.Executor, roles["owner"], roles["recipient"], text(WETH), [roles["operator"]]
        )
        held = 0
        for one in found:
            receipt = executor.execute(
                rows_of((executor_cycle(one),)),
                text(WETH),
                one.gain,
                0,
                height,
                height + len(found) + WINDOW,
                sender=roles["operator"],
            )
            assert not receipt.failed
            held += one.gain
            assert weth().balanceOf(roles["recipient"]) == held > 0
            assert weth().balanceOf(executor) == 0
        assert provider.get_block("latest").number == height + 1 + len(found)
        assert fork.call("eth_getCode", executor.address, "latest") != "0x"
    assert upstream.call("eth_getCode", executor.address, "latest") == "0x"
    assert upstream_state(upstream, pairs) == before
