"""docs/relays.md says what the rows say."""

from pathlib import Path

from msgspec.structs import replace

from bot.chain.relay_rows import MARKET, ROWS
from bot.ops.relay_table import capability_table

PAGE = Path(__file__).parents[2] / "docs" / "relays.md"


def test_the_page_has_the_rows_as_they_are():
    _, _, rest = PAGE.read_text().partition("<!-- rows -->\n")
    table, end, _ = rest.partition("\n<!-- end of rows -->")
    assert end
    assert table == capability_table(ROWS.values())


def test_every_field_of_a_row_is_in_its_line():
    plain = capability_table([MARKET])
    for change in (
        {"name": "other"},
        {"url": "https://relay.example"},
        {"codec": "raw"},
        {"drops_reverts": False},
        {"signature": "none"},
        {"needs_authorization": True},
        {"uuid_rule": "text"},
        {"cancel_by": "none"},
        {"honours": frozenset({"payment"})},
        {"hints": "mev_share"},
        {"max_transactions": 7},
        {"max_bytes": 7},
        {"per_minute": {}},
        {"other_per_minute": 7},
        {"last_verified": "2026-01-01"},
        {"source": "elsewhere"},
    ):
        assert capability_table([replace(MARKET, **change)]) != plain, change
