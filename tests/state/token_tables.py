"""Small tables of pools, a book of verdicts over them, and the plan of a probe."""

from itertools import count

from bot.core.identity import BlockRef, keccak
from bot.state.pool_table import PoolTable, V2Pool
from bot.state.token_probes import Parties, ProbeSetting, plan_probe
from bot.state.token_safety import TokenBook, TokenPolicy
from bot.state.token_verdicts import Checked, Unsafe

ETHER = 10**18
WETH, COIN, DOLLAR, ODD = tokens = tuple(keccak(name)[12:] for name in (b"weth", b"coin", b"dollar", b"odd"))
PARTIES = Parties(*(keccak(name)[12:] for name in (b"ours", b"sender", b"stranger", b"outsider")))
POLICY = TokenPolicy(trusted=frozenset({WETH}), allowed=frozenset(), denied=frozenset(), expiry=400, retry=50)
FAULTY = Unsafe("fee on sale", "100 sent to a pool, 99 arrived")


def table_of(*pairs):
    """A pool a pair of (token, token, depth of the first)."""
    table, numbers = PoolTable(), count()
    for first, second, depth in pairs:
        address = keccak(b"pool %d" % next(numbers))[12:]
        token0, token1 = sorted((first, second))
        table.add(V2Pool(address, "uniswap-v2", token0, token1, 997, 1000), depth, depth)
    return table


EVERYWHERE = frozenset(keccak(b"pool %d" % number)[12:] for number in range(400))


def checked(token, verdict, at, pools=EVERYWHERE):
    return Checked(token, verdict, BlockRef(at, keccak(b"%d" % at)), at, pools)


def book_over(table, now=0, policy=POLICY, known=()):
    book = TokenBook(policy, known)
    book.adopt(table, now)
    return book


def plan_of(table, token, book=None):
    book = book or book_over(table)
    setting = ProbeSetting(table, book.pools_of, lambda one: book.why_not(one, 0) is None, WETH, PARTIES)
    return plan_probe(token, setting)
