"""The live terminal view: a banner, the funnel of the last blocks, bundles as they end, money, and limits used."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.core.decisions import Verdict
from bot.core.quantities import format_ether, format_gwei
from bot.ops.run_progress import Ending, LimitUse, RunProgress

FUNNEL = ("touched", "screened", "found", "net > 0", "simulated", "allowed", "sent", "landed")
VERDICT_STYLES = {Verdict.LANDED: "bold green", Verdict.MINED_REVERTED: "bold red", Verdict.OUTBID: "yellow"}


def render(progress: RunProgress, banner: str) -> RenderableType:
    """Everything, newest last; pure: the same progress gives the same picture."""
    return Group(
        Text(banner, style="bold"),
        _blocks(progress),
        _endings(progress.endings),
        _money(progress),
        _limits(progress.limits),
    )


def _blocks(progress: RunProgress) -> RenderableType:
    table = Table(title=f"{progress.block_count} blocks", title_justify="left", expand=True, pad_edge=False)
    table.add_column("block", justify="right")
    table.add_column("base fee", justify="right")
    for name in FUNNEL:
        table.add_column(name, justify="right")
    table.add_column("dropped because", ratio=1, no_wrap=True)
    for record in progress.blocks:
        counts = (
            record.pools_touched,
            record.cycles_screened,
            record.opportunities,
            record.profitable,
            record.simulated,
            record.allowed,
            record.sent,
            record.landed,
        )
        reasons = ", ".join(f"{reason} ×{count}" for reason, count in sorted(record.drops.items()))
        style = "green" if record.landed else None
        table.add_row(
            str(record.block.number),
            format_gwei(round(record.base_fee, -6)),
            *(_quiet(n) for n in counts),
            reasons,
            style=style,
        )
    return table


def _endings(endings: Sequence[Ending]) -> RenderableType:
    table = Table(title="bundles", title_justify="left", expand=True, pad_edge=False)
    for name, justify in (
        ("id", "left"),
        ("block", "right"),
        ("verdict", "left"),
        ("cycles", "right"),
        ("predicted", "right"),
        ("realised", "right"),
        ("equal", "center"),
        ("gas", "right"),
        ("bid", "right"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for ending in endings:
        plan, outcome = ending.intent.plan, ending.outcome.outcome
        realized = outcome.realized_profit
        table.add_row(
            plan.id,
            str(plan.target_block),
            Text(outcome.verdict.replace("_", " "), style=VERDICT_STYLES.get(outcome.verdict, "dim")),
            str(len(plan.opportunities)),
            format_ether(plan.predicted_profit),
            "—" if realized is None else format_ether(realized),
            "" if realized is None else ("=" if realized == plan.predicted_profit else "≠"),
            "—" if outcome.gas_cost is None else format_ether(outcome.gas_cost),
            format_ether(ending.outcome.bid) if outcome.verdict is Verdict.LANDED else "—",
        )
    return table


def _money(progress: RunProgress) -> RenderableType:
    net = progress.realized_profit - progress.gas_cost
    verdicts = ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in sorted(progress.verdicts.items())
    )
    return Panel(
        f"profit {format_ether(progress.realized_profit)} (predicted {format_ether(progress.predicted_profit)})   "
        f"gas {format_ether(progress.gas_cost)}   net {format_ether(net)}   paid to builders {format_ether(progress.bids)}\n"
        f"bundles: {verdicts or 'none ended yet'}",
        title="so far",
        title_align="left",
    )


def _limits(uses: Sequence[LimitUse]) -> RenderableType:
    if not uses:
        return Text("")
    words = [f"{use.wallet} {use.name} {100 * use.used // use.limit if use.limit else 0} %" for use in uses]
    return Text("limits used: " + "   ".join(words), style="dim")


def _quiet(count: int) -> Text:
    return Text(str(count), style="" if count else "dim")
