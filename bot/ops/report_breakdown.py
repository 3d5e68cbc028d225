"""What the bundles of a run say together: by relay, builder, strategy, bid and time of sending; how far costs were missed.

A bundle counts as decided when it was handed over and the chain has said how it ended: not while it is open, nor when we
took it back or replaced it ourselves. A win rate is landed of decided, in basis points, rounded down.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bot.core.decisions import Verdict
from bot.core.identity import BlockRef
from bot.core.units import BPS_WHOLE, mul_div_down
from bot.journal.read import Story
from bot.ops.ending import Ending, last_words

UNDECIDED = frozenset(
    {
        None,
        Verdict.UNKNOWN.value,
        Verdict.CANCELLED.value,
        Verdict.REPLACED.value,
        Verdict.REVERTED_IN_SIMULATION.value,
    }
)
SHARE_STEP = 1_000
"""Width of a row of `bid_shares`, in basis points."""
TIME_STEPS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Upper ends of the rows of `send_times`, in milliseconds; the last row is open."""
COST_TERMS = ("gas", "base_fee", "tip", "gas_cost", "l1_fee", "flash_fee", "payment", "total")


class Told(msgspec.Struct, frozen=True):
    """One bundle, with what its end says and how long after its head it was sent."""

    story: Story
    ending: Ending
    sent_after: int | None
    """Nanoseconds from the arrival of the block it was planned on; None: not measured."""

    @property
    def is_decided(self) -> bool:
        return bool(self.story.attempts) and self.ending.verdict not in UNDECIDED

    @property
    def landed(self) -> bool:
        return self.ending.verdict == Verdict.LANDED


def breakdown(bundles: Sequence[Told]) -> dict[str, Any]:
    """Every part of the report that groups bundles."""
    decided = [one for one in bundles if one.is_decided]
    return {
        "strategies": _strategies(bundles),
        "relays": _relays(bundles),
        "builders": _builders(decided),
        "bid_shares": _bid_shares(decided),
        "send_times": _send_times(decided),
        "shortfalls": _shortfalls(bundles),
        "cost_errors": _cost_errors(bundles),
        "back_runs": _back_runs(bundles),
    }


def answers_by_relay(bundles: Iterable[Told]) -> dict[str, list[int]]:
    """Nanoseconds from handing over to the answer, of every route that answered."""
    found: dict[str, list[int]] = {}
    for one in bundles:
        for attempt in last_words(one.story):
            if not attempt.answer.startswith("unknown"):
                found.setdefault(f"answer of {attempt.route}", []).append(attempt.answered_after)
    return found


def sent_after(steps_by_block: Mapping[BlockRef, Mapping[str, int]], story: Story) -> int | None:
    """As the block it was planned on recorded it."""
    return steps_by_block.get(story.plan.state, {}).get("seen to sent")


def _grouped(bundles: Iterable[Told], key: Callable[[Told], Any]) -> list[tuple[Any, list[Told]]]:
    groups: dict[Any, list[Told]] = {}
    for one in bundles:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items())


def _rates(bundles: Sequence[Told]) -> dict[str, Any]:
    decided = sum(one.is_decided for one in bundles)
    landed = sum(one.is_decided and one.landed for one in bundles)
    return {
        "bundles": len(bundles),
        "decided": decided,
        "landed": landed,
        "win_rate_bps": mul_div_down(landed, BPS_WHOLE, decided) if decided else None,
    }


def _verdicts(bundles: Iterable[Told]) -> dict[str, int]:
    return dict(sorted(Counter(one.ending.verdict or Verdict.UNKNOWN.value for one in bundles).items()))


def _strategies(bundles: Sequence[Told]) -> list[dict[str, Any]]:
    return [
        {"strategy": name, **_rates(members), "verdicts": _verdicts(members)}
        for name, members in _grouped(bundles, lambda one: one.story.plan.strategy)
    ]


def _relays(bundles: Sequence[Told]) -> list[dict[str, Any]]:
    """A bundle that several relays accepted counts for each: whose block took it, no relay tells."""
    answers: dict[str, Counter[str]] = {}
    accepted: dict[str, list[Told]] = {}
    for one in bundles:
        took: set[str] = set()
        for attempt in last_words(one.story):
            word = attempt.answer.partition(":")[0]
            answers.setdefault(attempt.route, Counter())[word] += 1
            if word == "accepted":
                took.add(attempt.route)
        for route in took:
            accepted.setdefault(route, []).append(one)
    return [
        {
            "relay": route,
            "attempts": said.total(),
            "accepted": said["accepted"],
            "refused": said["refused"],
            "unknown": said["unknown"],
            **_rates(accepted.get(route, [])),
        }
        for route, said in sorted(answers.items())
    ]


def _builders(decided: Sequence[Told]) -> list[dict[str, Any]]:
    known = [one for one in decided if one.ending.builder is not None]
    grouped = _grouped(known, lambda one: (one.ending.builder_name or "", one.ending.builder or ""))
    return [
        {"name": name, "builder": address, **_rates(members), "verdicts": _verdicts(members)}
        for (name, address), members in grouped
    ]


def _bid_shares(decided: Sequence[Told]) -> list[dict[str, Any]]:
    shares = [(one.story.plan.bid_share, one) for one in decided]
    last = BPS_WHOLE // SHARE_STEP - 1
    known = [(min(share // SHARE_STEP, last), one) for share, one in shares if share is not None]
    rows = sorted({row for row, _ in known})
    return [
        {
            "from_bps": row * SHARE_STEP,
            "to_bps": (row + 1) * SHARE_STEP,
            **_rates(members),
            "verdicts": _verdicts(members),
        }
        for row in rows
        for members in [[one for at, one in known if at == row]]
    ]


def _send_times(decided: Sequence[Told]) -> list[dict[str, Any]]:
    timed = [one for one in decided if one.sent_after is not None]
    return [
        {
            "from_ms": TIME_STEPS[row - 1] if row else 0,
            "to_ms": TIME_STEPS[row] if row < len(TIME_STEPS) else None,
            **_rates(members),
            "verdicts": _verdicts(members),
        }
        for row, members in _grouped(timed, lambda one: _time_row(one.sent_after or 0))
    ]


def _time_row(nanoseconds: int) -> int:
    return sum(nanoseconds >= upper * 10**6 for upper in TIME_STEPS)


def _shortfalls(bundles: Sequence[Told]) -> dict[str, Any]:
    """Of what somebody else took from us."""
    lost = [one.ending for one in bundles if one.ending.rival is not None]
    short = sorted(end.shortfall.short_bps for end in lost if end.shortfall is not None)
    return {
        "outbid": len(lost),
        "payment_known": len(short),
        "payment_exact": sum(
            1 for end in lost if end.shortfall is not None and end.rival and end.rival.payers == 1
        ),
        "median_short_bps": short[(len(short) - 1) // 2] if short else None,
        "worst_short_bps": short[-1] if short else None,
    }


def _cost_errors(bundles: Sequence[Told]) -> dict[str, dict[str, Any]]:
    """By term, over what was mined and has its costs on record. `worst` is the error furthest from zero."""
    ends = [one.ending for one in bundles if one.ending.error is not None]
    if not ends:
        return {}
    rows = {}
    for term in COST_TERMS:
        errors = [getattr(end.error, term) for end in ends]
        rows[term] = {
            "bundles": len(ends),
            "predicted": str(sum(getattr(end.predicted, term) for end in ends)),
            "paid": str(sum(getattr(end.paid, term) for end in ends)),
            "error": str(sum(errors)),
            "worst": str(max(errors, key=abs)),
            "exact": sum(error == 0 for error in errors),
        }
    return rows


def _back_runs(bundles: Sequence[Told]) -> dict[str, Any]:
    following = [one for one in bundles if one.story.plan.behind is not None]
    hinted = sum(
        one.story.plan.behind is not None and one.story.plan.behind.transaction is None for one in following
    )
    return {**_rates(following), "hinted": hinted, "verdicts": _verdicts(following)}
