"""The topics a state is kept from are those of the contracts' own events, and pokes move nothing."""

import pytest

from bot.core.identity import keccak
from bot.core.messages import Log
from bot.protocols.pool_events import FOLLOWED_TOPICS, MOVED_TOPICS, is_move

POOL = b"\x01" * 20
MOVES = {
    "Sync(uint112,uint112)",
    "Swap(address,address,int256,int256,uint160,uint128,int24)",
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)",
    "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    "Burn(address,int24,int24,uint128,uint256,uint256)",
}
BIRTHS = {
    "PairCreated(address,address,address,uint256)",
    "PoolCreated(address,address,uint24,int24,address)",
    "Initialize(uint160,int24)",
}
NOTHING = {
    "Collect(address,address,int24,int24,uint128,uint128)",
    "Flash(address,address,uint256,uint256,uint256,uint256)",
    "SetFeeProtocol(uint8,uint8,uint8,uint8)",
    "Mint(address,uint256,uint256)",
    "Swap(address,uint256,uint256,uint256,uint256,address)",
    "Transfer(address,address,uint256)",
}


def topics(signatures):
    return {keccak(signature.encode()) for signature in signatures}


def log(signature, data=b"\x01" * 96):
    return Log(POOL, (keccak(signature.encode()),), data, 0, bytes(32))


def test_the_topics_are_the_contracts():
    assert set(MOVED_TOPICS) == topics(MOVES)
    assert set(FOLLOWED_TOPICS) == topics(MOVES | BIRTHS)
    assert len(FOLLOWED_TOPICS) == len(set(FOLLOWED_TOPICS)) == 8


@pytest.mark.parametrize("signature", sorted(MOVES | BIRTHS | NOTHING))
def test_what_moves_a_pool(signature):
    assert is_move(log(signature)) == (signature in MOVES)


def test_a_burn_of_nothing_moves_nothing():
    burn = "Burn(address,int24,int24,uint128,uint256,uint256)"
    assert not is_move(log(burn, bytes(96)))
    assert is_move(log(burn, bytes(31) + b"\x01" + bytes(64)))
    assert not is_move(Log(POOL, (), b"", 0, bytes(32)))
