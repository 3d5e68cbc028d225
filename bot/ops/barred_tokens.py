"""Which tokens are kept out of the trade, for the operator: from the pools of a run, or from the verdicts on disk."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.core.identity import to_checksum
from bot.journal.token_cache import CACHE_FILE, read_verdicts
from bot.state.token_verdicts import Safe, Undecided, Unsafe


def barred_in_words(of_pools: Sequence[str | None]) -> str:
    """One line: how many pools are barred, and for how many reasons of which kind. None: a pool that is not."""
    reasons = Counter(reason for reason in of_pools if reason)
    if not reasons:
        return f"all safe to trade, in {len(of_pools)} pools"
    shown = "; ".join(
        f"{reason} ({count} pool{'s' if count > 1 else ''})" for reason, count in reasons.most_common(3)
    )
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"{reasons.total()} of {len(of_pools)} pools barred: {shown}{more}"


def token_verdicts(data_dir: Path) -> dict[str, Any]:
    """Of the last checks in `data_dir`: how many were safe, and each that was not with its reason."""
    checked = read_verdicts(data_dir / CACHE_FILE)
    return {
        "safe": sum(isinstance(one.verdict, Safe) for one in checked),
        "unsafe": sum(isinstance(one.verdict, Unsafe) for one in checked),
        "undecided": sum(isinstance(one.verdict, Undecided) for one in checked),
        "barred": [
            {"token": to_checksum(one.token), "block": one.block.number, "reason": str(one.verdict)}
            for one in checked
            if not isinstance(one.verdict, Safe)
        ],
    }
