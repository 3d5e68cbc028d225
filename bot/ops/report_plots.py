"""The report as pictures, from its own keys: SVG files that any browser shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.core.errors import BadConfiguration
from bot.ops.svg_chart import Bar, bar_chart, line_chart

ANSWER = "answer of "
"""How `durations` names what a relay took to answer."""
_WHOLE_BPS = 10_000


def write_plots(report: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """One file for each picture, in a folder that is made where it is missing. Raises BadConfiguration when it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, picture in pictures(report).items():
            path = folder / f"{name}.svg"
            path.write_text(picture)
            written.append(path)
    except OSError as error:
        raise BadConfiguration(
            f"--plots {folder}: {error.strerror or error}: name a folder to write to"
        ) from None
    return tuple(written)


def pictures(report: Mapping[str, Any]) -> dict[str, str]:
    """Name to SVG."""
    shares = [(f"{row['from_bps'] // 100}-{row['to_bps'] // 100} %", row) for row in report["bid_shares"]]
    times = [
        (f"< {row['to_ms']} ms" if row["to_ms"] else f"from {row['from_ms']} ms", row)
        for row in report["send_times"]
    ]
    relays = [(row["relay"], row) for row in report["relays"]]
    return {
        "win_rate_by_bid_share": bar_chart(
            "Landed, by share of the net profit bid", _rates(shares), _per_cent
        ),
        "win_rate_by_send_time": bar_chart("Landed, by time from head to sending", _rates(times), _per_cent),
        "win_rate_by_relay": bar_chart("Landed, of what each relay accepted", _rates(relays), _per_cent),
        "profit_by_block": line_chart("Net of gas, summed over blocks", _profit(report["bundles"]), _ether),
        "cost_error": bar_chart(
            "Paid beyond the prediction, by term", _errors(report["cost_errors"]), _per_cent
        ),
        "relay_latency": bar_chart("Answer of each relay, p50 and p99", _latency(report["durations"]), _ms),
    }


def _rates(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Bar]:
    return [
        Bar(label, row["win_rate_bps"], f"{row['landed']} of {row['decided']} landed")
        for label, row in rows
        if row["win_rate_bps"] is not None
    ]


def _profit(bundles: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Wei after each block that changed it, from the first block a bundle was for."""
    by_block: dict[int, int] = {}
    for bundle in bundles:
        net = int(bundle["realized_profit"] or 0) - int(bundle["gas_cost_wei"] or 0)
        by_block[bundle["target_block"]] = by_block.get(bundle["target_block"], 0) + net
    points, total = [], 0
    for block, net in sorted(by_block.items()):
        total += net
        points.append((float(block), float(total)))
    return points


def _errors(rows: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """In basis points of what was predicted; a term without a prediction has no rate."""
    return [
        Bar(
            term.replace("_", " "),
            _WHOLE_BPS * int(row["error"]) / int(row["predicted"]),
            f"predicted {row['predicted']}, paid {row['paid']}",
        )
        for term, row in rows.items()
        if int(row["predicted"])
    ]


def _latency(durations: Mapping[str, Mapping[str, int]]) -> list[Bar]:
    return [
        Bar(f"{step.removeprefix(ANSWER)} {part[:3]}", spread[part], f"{spread[part] / 1e6:.1f} ms")
        for step, spread in durations.items()
        if step.startswith(ANSWER)
        for part in ("p50_ns", "p99_ns")
    ]


def _per_cent(bps: float) -> str:
    return f"{bps / 100:.1f} %"


def _ether(wei: float) -> str:
    return f"{wei / 1e18:.4f} ETH"


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"
