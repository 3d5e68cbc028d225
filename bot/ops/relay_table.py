"""The rows of relay_rows.py as a table for docs/relays.md."""

from collections.abc import Iterable
from typing import Final

from bot.chain.relay_row import RelayRow

_HEADINGS: Final = (
    "relay", "address", "written as", "reverts dropped", "signature", "account", "uuid", "cancel", "bid by", "hints",
    "transactions", "bytes", "per minute", "verified",
)  # fmt: skip


def capability_table(rows: Iterable[RelayRow]) -> str:
    """Markdown, a line a row, in their order; then where each row's facts stand."""
    listed = tuple(rows)
    lines = [_line(_HEADINGS), _line(["---"] * len(_HEADINGS)), *(_line(_cells(row)) for row in listed)]
    sources = [f"- `{row.name}`: {row.source}." for row in listed]
    return "\n".join([*lines, "", *sources])


def _cells(row: RelayRow) -> list[str]:
    budgets = [f"`{method}` {limit:,}" for method, limit in row.per_minute.items()]
    return [
        f"`{row.name}`",
        row.url or f"`{row.variable}URL`",
        row.codec,
        "yes" if row.drops_reverts else "**no**",
        row.signature,
        "required" if row.needs_authorization else "—",
        row.uuid_rule,
        row.cancel_by,
        ", ".join(sorted(row.honours)),
        row.hints or "—",
        str(row.max_transactions),
        f"{row.max_bytes:,}",
        ", ".join([*budgets, f"else {row.other_per_minute:,}" if budgets else f"{row.other_per_minute:,}"]),
        row.last_verified,
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
