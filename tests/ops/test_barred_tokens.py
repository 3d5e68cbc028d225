"""What a start says about tokens, in one line."""

from bot.core.identity import keccak
from bot.ops.barred_tokens import barred_in_words
from bot.state.pool_table import PoolTable, V2Pool


def table_with(*reasons):
    """A pool a reason; None is not barred."""
    table = PoolTable()
    for place, reason in enumerate(reasons):
        address = keccak(b"%d" % place)[12:]
        table.add(V2Pool(address, "uniswap-v2", bytes(20), b"\x01" * 20, 997, 1000), 1, 1)
        if reason is not None:
            table.bar(place, reason)
    return table


def test_nothing_barred():
    assert barred_in_words(table_with(None, None)) == "all safe to trade, in 2 pools"


def test_reasons_are_counted_and_the_rarest_left_out():
    reasons = ["a fee"] * 3 + ["rebasing"] * 2 + ["honeypot", "silence", "dust", None]
    assert barred_in_words(table_with(*reasons)) == (
        "8 of 9 pools barred: a fee (3 pools); rebasing (2 pools); honeypot (1 pool); and 2 more"
    )
