"""The closing report as a person reads it. Losses stand as openly as wins."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.core.quantities import format_ether

SHOWN_BUNDLES = 12
SHOWN_DROPS = 5
PLACES = 9


def report_text(report: Mapping[str, Any]) -> str:
    """Plain text, ending with a line to copy."""
    lines = [
        f"Run {report['run']} on {report['chain']} ({report['mode']})"
        + (f", market seed {report['seed']}" if report["seed"] is not None else ""),
        f"  {report['blocks']} blocks" + _range(report),
        "",
        "  cycles screened   {cycles_screened:>9,}".format(**report),
        "  opportunities     {opportunities:>9,}   cover their gas, by the float screen".format(**report),
        "  profitable        {profitable:>9,}   after gas, at their block".format(**report),
        "  planned           {planned:>9,}   transactions built (disjoint cycles merged)".format(**report),
        "  simulated         {simulated:>9,}   the very bytes, by the node".format(**report),
        "  allowed           {allowed:>9,}   by the risk gate".format(**report),
        f"  sent              {report['sent']:>9,}   bundles, privately; public sends {report['public_sends']}",
        f"  landed            {report['landed']:>9,}   mined as reverted {report['mined_reverted']}",
        "",
        *_counted("denied by rule", report["denied"]),
        *_counted("verdicts", report["verdicts"]),
        *_counted("dropped because", report["dropped"]),
        f"  predicted profit of what landed   {format_ether(int(report['predicted_profit']), PLACES)}",
        f"  realised profit                   {format_ether(int(report['realized_profit']), PLACES)}",
        f"  gas paid                          {format_ether(int(report['gas_cost_wei']), PLACES)}",
        f"  net of gas                        {format_ether(int(report['net_wei']), PLACES)}",
        f"  paid to builders                  {format_ether(int(report['bid_wei']), PLACES)}",
        *_gas(report["bundles"]),
        *_cost_errors(report["cost_errors"]),
        *_shortfalls(report["shortfalls"]),
        "",
        *_rates("relay", report["relays"], lambda row: row["relay"]),
        *_rates("builder", report["builders"], lambda row: row["name"] or row["builder"]),
        *_rates(
            "bid", report["bid_shares"], lambda row: f"{row['from_bps'] // 100}-{row['to_bps'] // 100} %"
        ),
        *_rates("sent", report["send_times"], _send_time),
        *_back_runs(report["back_runs"]),
        "",
        *_bundles(report["bundles"]),
        *_dropped_plans(report["dropped_plans"]),
        *_copy_line(report["bundles"], report["dropped_plans"]),
    ]
    return "\n".join(lines)


def _range(report: Mapping[str, Any]) -> str:
    return f" ({report['first_block']} to {report['last_block']})" if report["blocks"] else ""


def _counted(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    listed = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
    return [f"  {title}: {listed}"]


def _gas(bundles: Sequence[Mapping[str, Any]]) -> list[str]:
    used = [(int(b["predicted_gas"]), int(b["gas_used"])) for b in bundles if b["gas_used"] is not None]
    if not used:
        return []
    equal = sum(1 for predicted, actual in used if predicted == actual)
    predicted_sum, actual_sum = sum(p for p, _ in used), sum(a for _, a in used)
    return [
        f"  gas used {actual_sum:,} against {predicted_sum:,} predicted; equal in {equal} of {len(used)} bundles"
    ]


def _cost_errors(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    told = [
        f"{term.replace('_', ' ')} {int(row['error']):+,} (worst {int(row['worst']):+,})"
        for term, row in rows.items()
        if int(row["worst"])
    ]
    exact = f"every term exact in {rows['total']['bundles']} bundles"
    return [f"  paid beyond the prediction: {'; '.join(told) or exact}"]


def _shortfalls(row: Mapping[str, Any]) -> list[str]:
    if not row["payment_known"]:
        return []
    median, worst = (row[name] / 100 for name in ("median_short_bps", "worst_short_bps"))
    known = f"{row['payment_exact']} payments exact, of {row['payment_known']} known"
    return [
        f"  outbid {row['outbid']} times; short for each gas by {median:.1f} % in the median, {worst:.1f} % at worst ({known})"
    ]


def _rates(
    title: str, rows: Sequence[Mapping[str, Any]], label: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """Landed of decided; a relay with what it said as well."""
    lines = []
    for row in rows:
        rate = "    —  " if row["win_rate_bps"] is None else f"{row['win_rate_bps'] / 100:5.1f} %"
        said = ""
        if "accepted" in row:
            said = f"; {row['accepted']} accepted, {row['refused']} refused, {row['unknown']} unknown"
        lines.append(
            f"  {title:<8} {label(row):<28} {rate} landed, {row['landed']} of {row['decided']}{said}"
        )
    return lines


def _send_time(row: Mapping[str, Any]) -> str:
    return f"under {row['to_ms']} ms" if row["to_ms"] else f"from {row['from_ms']} ms"


def _back_runs(row: Mapping[str, Any]) -> list[str]:
    return (
        _rates("back-run", [row], lambda row: f"{row['hinted']} of {row['bundles']} by hints")
        if row["bundles"]
        else []
    )


def _bundles(bundles: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = bundles[-SHOWN_BUNDLES:]
    if not shown:
        return ["  no bundle was sent"]
    lines = (
        [f"  the last {len(shown)} of {len(bundles)} bundles:"]
        if len(bundles) > len(shown)
        else ["  bundles:"]
    )
    lines += [_bundle(bundle) for bundle in shown]
    return lines


def _bundle(bundle: Mapping[str, Any]) -> str:
    """A win with both profits, `=` only where they are equal to the wei; a loss with its reason."""
    predicted, realized = bundle["predicted_profit"], bundle["realized_profit"]
    verdict = bundle["verdict"].replace("_", " ")
    line = f"    {bundle['id']}  block {bundle['target_block']:<8} {verdict:<14} "
    if realized is None:
        return line + f"predicted {format_ether(int(predicted), PLACES)}; {bundle['reason']}"
    sign = "=" if realized == predicted else "≠"
    return (
        line
        + f"realised {format_ether(int(realized), PLACES)} {sign} predicted"
        + ("" if sign == "=" else f" {format_ether(int(predicted), PLACES)}")
    )


def _dropped_plans(plans: Sequence[Mapping[str, Any]]) -> list[str]:
    """The latest, each with what stopped it: all there is to explain where nothing is sent."""
    shown = plans[-SHOWN_DROPS:]
    if not shown:
        return []
    title = f"  the last {len(shown)} of {len(plans)} plans" if len(plans) > len(shown) else "  plans"
    return [f"{title} that went no further:", *(_dropped_plan(plan) for plan in shown)]


def _dropped_plan(plan: Mapping[str, Any]) -> str:
    profit = format_ether(int(plan["predicted_profit"]), PLACES)
    why = f"{plan['stage']}: {plan['rule'].replace('_', ' ')}"
    return f"    {plan['id']}  block {plan['target_block']:<8} {why:<14} predicted {profit}"


def _copy_line(bundles: Sequence[Mapping[str, Any]], dropped: Sequence[Mapping[str, Any]]) -> list[str]:
    landed = [bundle for bundle in bundles if bundle["verdict"] == "landed"]
    chosen = (landed or list(bundles) or list(dropped))[-1:]
    return ["", f"scripts/bot explain {chosen[0]['id']}"] if chosen else []
