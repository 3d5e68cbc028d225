"""An address of ours is found wherever it stands in a calldata, and few places of it are compared."""

import random

import pytest

from bot.core.identity import keccak
from bot.core.pending import PendingTransaction
from bot.state.market_state import v2_pool
from bot.state.named_pools import NamedPools
from bot.state.pool_table import PoolTable
from tests.state.blocks import VENUE


def address(number):
    return keccak(b"named %d" % number)[:20]


WETH = address(0)
VANITY = bytes(8) + address(1)[8:]
PLAIN = address(2)
REPEATED = b"\x11" * 20
POOL = address(3)


@pytest.fixture
def table():
    made = PoolTable()
    made.add(v2_pool(VENUE, POOL, WETH, VANITY), 5, 6)
    made.add(v2_pool(VENUE, address(4), PLAIN, REPEATED), 5, 6)
    return made


def calling(data, to=b"\x01" * 20):
    return PendingTransaction(b"", bytes(32), 2, b"\x02" * 20, 0, to, 0, data, 21_000, 1, 1)


def slowly(data):
    known = {POOL, address(4), VANITY, PLAIN, REPEATED}
    data = data[:16_384]
    return any(data[at : at + 20] in known for at in range(len(data) - 19))


def filler(rng, size):
    """Zeros, words and noise, as calldata is; no address of ours but by what is planted."""
    kind = rng.randrange(3)
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return b"".join(rng.randrange(1 << 70).to_bytes(32, "big") for _ in range(size // 32 + 1))[:size]
    return rng.randbytes(size)


def test_as_looking_at_every_byte_says(table):
    rng, named, found = random.Random(9), NamedPools(WETH), 0
    for _ in range(1_500):
        data = bytearray(filler(rng, rng.choice((0, 4, 19, 20, 21, 68, 300, 900))))
        if rng.random() < 0.7:
            planted = rng.choice((POOL, address(4), VANITY, PLAIN, REPEATED, WETH, address(9)))
            planted = planted[: rng.choice((20, 20, 20, 19))]
            at = rng.randrange(len(data) + 1)
            data[at : at + len(planted) * rng.randrange(2)] = planted
        expected = slowly(bytes(data))
        found += expected
        assert named.are_in(calling(bytes(data)), table) == expected
    assert 300 < found < 1_200


@pytest.mark.parametrize("start", [0, 1, 16, 4 + 12, 2_047, 16_383 - 19, 16_384 - 19, 20_000])
def test_to_the_last_byte_that_is_looked_through(table, start):
    data = bytes(start) + VANITY + bytes(40)
    assert NamedPools(WETH).are_in(calling(data), table) == (start + 20 <= 16_384)


def test_the_recipient_and_what_the_table_gains_count(table):
    named = NamedPools(WETH)
    assert named.are_in(calling(b"\x01", to=POOL), table)
    assert not named.are_in(calling(b"", to=POOL), table)
    assert not named.are_in(calling(POOL, to=None), table)
    assert not named.are_in(calling(address(6)), table)
    table.add(v2_pool(VENUE, address(5), WETH, address(6)), 5, 6)
    assert named.are_in(calling(address(6)), table)
    assert not named.are_in(calling(POOL), PoolTable()), "another table has other pools"


@pytest.mark.parametrize(
    ("data", "most"),
    [(bytes(16_384), 0), (random.Random(1).randbytes(16_384), 2), (REPEATED[:1] * 16_384, 512)],
)
def test_few_places_are_compared_whoever_wrote_it(table, data, most):
    named = NamedPools(WETH)
    named.are_in(calling(b"\x01"), table)
    assert len(named._candidates(data)) <= most
