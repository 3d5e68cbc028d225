"""`exchanges.json` in the data folder: the last look of the running bot at its exchanges, for `bot status`.

It lies beside the journal and is no part of it: what exchanges say differs from run to run of one seed.
"""

from pathlib import Path
from typing import Any, Final

from bot.core.market_data import PRICE_DECIMALS, SIZE_DECIMALS, ExchangeStatus
from bot.core.units import Nanoseconds
from bot.ops.exchange_view import ExchangeBoard, board_lines, quotes_of
from bot.ops.look_file import Look, LookFile
from bot.state.reference_price import NoPrice, ReferencePrice

EXCHANGES_FILE: Final = "exchanges.json"
OLD_AFTER_S: Final = 10
"""The running bot writes every second or so; a file older than this is not of a bot that runs and is well."""


_FILE: Final = LookFile(EXCHANGES_FILE, Look[ExchangeBoard])


def write_board(folder: Path, board: ExchangeBoard, utc: Nanoseconds) -> None:
    """As LookFile.write."""
    _FILE.write(folder, board, utc)


def remove_board(folder: Path) -> None:
    """As LookFile.remove."""
    _FILE.remove(folder)


def read_board(folder: Path) -> tuple[ExchangeBoard, float] | str | None:
    """As LookFile.read."""
    return _FILE.read(folder)


def exchange_status(folder: Path) -> dict[str, Any] | None:
    """For `bot status --json`, as docs/report.md has it; None where no exchange was followed."""
    found = read_board(folder)
    if found is None:
        return None
    if isinstance(found, str):
        return {
            "problem": found,
            "seconds_since_written": None,
            "is_old": True,
            "followed": [],
            "reference": [],
        }
    board, age = found
    return {
        "problem": None,
        "seconds_since_written": round(age, 1),
        "is_old": age > OLD_AFTER_S,
        "followed": [_status_row(board, status) for status in board.statuses],
        "reference": [_reference_row(board, one) for one in board.references],
    }


def exchange_lines(folder: Path) -> list[str]:
    """For the text of `bot status`; nothing where no exchange was followed."""
    found = read_board(folder)
    if found is None:
        return []
    if isinstance(found, str):
        return [f"exchanges: {found}"]
    board, age = found
    old = ", which is old: the bot is not running, or hangs; as of then" if age > OLD_AFTER_S else ""
    return [f"exchanges, {age:.1f} s ago{old}", *board_lines(board)]


def _seconds(age: Nanoseconds | None) -> float | None:
    return None if age is None else round(age / 10**9, 3)


def _decimal(amount: int, decimals: int) -> str:
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def _status_row(board: ExchangeBoard, status: ExchangeStatus) -> dict[str, Any]:
    offset = status.clock_offset
    return {
        "exchange": status.exchange,
        "state": status.state,
        "reason": status.reason,
        "age_s": _seconds(status.age),
        "messages_per_second": round(status.messages_per_second, 1),
        "messages": status.messages,
        "gaps": status.gaps,
        "resyncs": status.resyncs,
        "reconnects": status.reconnects,
        "malformed": status.malformed,
        "clock_offset_ms": None if offset is None else round(offset / 10**6, 3),
        "pairs": list(status.pairs),
        "quotes": [
            {
                "pair": str(quote.pair),
                "bid": _decimal(quote.bid, PRICE_DECIMALS),
                "bid_size": _decimal(quote.bid_size, SIZE_DECIMALS),
                "ask": _decimal(quote.ask, PRICE_DECIMALS),
                "ask_size": _decimal(quote.ask_size, SIZE_DECIMALS),
                "age_s": _seconds(Nanoseconds(board.now - quote.received)),
                "stale": quote.stale,
            }
            for quote in quotes_of(board, status.exchange)
        ],
    }


def _reference_row(board: ExchangeBoard, one: ReferencePrice | NoPrice) -> dict[str, Any]:
    found = one if isinstance(one, ReferencePrice) else None
    return {
        "asset": one.base,
        "price": _decimal(found.price, PRICE_DECIMALS) if found else None,
        "bid": _decimal(found.bid, PRICE_DECIMALS) if found else None,
        "ask": _decimal(found.ask, PRICE_DECIMALS) if found else None,
        "spread_bps": found.spread_bps if found else None,
        "age_s": _seconds(Nanoseconds(board.now - found.received)) if found else None,
        "reason": one.reason if isinstance(one, NoPrice) else None,
        "sources": [
            {
                "exchange": source.exchange,
                "pair": str(source.pair),
                "price": _decimal(source.price, PRICE_DECIMALS),
            }
            for source in (found.sources if found else ())
        ],
        "rates": [
            {
                "dollar": rate.dollar,
                "price": _decimal(rate.price, PRICE_DECIMALS),
                "through": rate.through,
                "exchanges": list(rate.exchanges),
            }
            for rate in (found.rates if found else ())
        ],
        "left_out": [
            {"exchange": out.exchange, "pair": str(out.pair), "reason": out.reason} for out in one.left_out
        ],
    }
