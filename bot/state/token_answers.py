"""What the answers of a token's probe say: safe, not safe with the numbers, or nothing. Pure.

The first thing that is wrong in the order of the steps is the verdict. A step of the stranger is the control: where
ours fails and his goes through, the token refuses our address.
"""

from collections.abc import Iterator, Sequence

from bot.core.identity import Address, to_checksum
from bot.core.result import Ok, Reverted
from bot.core.units import TokenUnits
from bot.protocols.token_probe import Measured, decode_look, decode_measured, decode_short
from bot.state.token_probes import ProbePlan, Step, StepAnswer
from bot.state.token_verdicts import Safe, Undecided, Unsafe, Verdict

_CONTROLS = {
    "buy": (
        ("buy for a stranger", "receiver refused", "our address is refused as a receiver"),
        ("stranger buys", "buyer refused", "our address is refused as a buyer"),
    ),
    "send": (("stranger sends", "sender refused", "our address is refused as a sender"),),
    "sell little": (("stranger sells", "sender refused", "our address is refused as a seller"),),
}
"""For a step of ours that reverted: the stranger's step that tells why if it goes through, with kind and words."""
_IMPOSSIBLE = {
    "buy": ("cannot be bought", "buying reverts"),
    "buy for a stranger": ("cannot be bought", "buying for another address reverts"),
    "send": ("cannot be sent", "a plain transfer reverts"),
    "stranger sends": ("cannot be sent", "a stranger's transfer to us reverts"),
    "sell little": ("cannot be sold", "selling 2 % of it reverts"),
    "sell much": ("cannot be sold", "selling half of it reverts, where 2 % went through"),
    "stranger sells": ("cannot be sold", "a stranger's sale reverts, where ours went through"),
    "deliver": ("cannot be sent", "delivery from pool to pool reverts"),
    "sell elsewhere": ("cannot be sold", "selling it to another pool reverts"),
    "buy elsewhere": ("cannot be bought", "buying it from another pool reverts"),
    "buy much": ("cannot be bought", "buying a tenth of the pool reverts, where less went through"),
    "sell later": ("cannot be sold", "selling it a day later reverts, where it went through at once"),
}

_Answered = Sequence[tuple[Step, StepAnswer]]


def read_answers(plan: ProbePlan, answers: Sequence[StepAnswer]) -> Verdict:
    """One answer a step, in the plan's order."""
    answered = list(zip(plan.steps, answers, strict=True))
    for step, answer in answered:
        if step.name in ("wrap", "currency") and isinstance(answer, Reverted):
            return Undecided(f"what it is bought with could not be had ({step.name}): {answer.reason}")
    try:
        found = next(_wrongs(plan, answered), None)
    except ValueError as error:
        return Undecided(f"the simulation's answer cannot be read: {error}")
    return found or Safe()


def covered_pools(plan: ProbePlan, answers: Sequence[StepAnswer]) -> frozenset[Address]:
    """The pools of a token found safe in which everything moved to the unit, what it trades for as well."""
    pools = set(plan.holders[2:])
    for step, answer in zip(plan.steps, answers, strict=True):
        if step.pool is not None and not (
            isinstance(answer, Ok) and _is_exact(decode_measured(answer.value))
        ):
            pools.discard(step.pool)
    return frozenset(pools)


def _is_exact(measured: Measured) -> bool:
    return measured.debited == measured.sent == measured.credited and measured.received == measured.asked


def _wrongs(plan: ProbePlan, answered: _Answered) -> Iterator[Unsafe]:
    for step, answer in answered:
        if step.name == "sell later":
            # What grew by itself often cannot be sold to the last unit either: the cause is said, not the effect.
            yield from _moved_balances(plan, answered)
        if step.name in _IMPOSSIBLE:
            wrong = (
                _revert(step, answer, answered)
                if isinstance(answer, Reverted)
                else _shortfall(step, decode_measured(answer.value))
            )
            if wrong is not None:
                yield wrong
        elif step.name in ("trip out", "trip back") and isinstance(answer, Ok):
            # The other token may cheat as well: a revert may be its doing, and so may what else moved.
            measured = decode_measured(answer.value)
            if step.name == "trip out" and measured.credited < measured.sent:
                yield Unsafe("fee on sale", f"{measured.sent} sent to a pool, {measured.credited} arrived")
            if step.name == "trip back" and measured.received < measured.asked:
                yield Unsafe("fee on purchase", f"{measured.asked} bought, {measured.received} arrived")


def _revert(step: Step, answer: Reverted, answered: _Answered) -> Unsafe:
    where = f" ({to_checksum(step.pool)})" if step.pool is not None else ""
    short = decode_short(answer.data)
    if short is not None:
        return Unsafe("fee on sale", f"{short[0]} sent to a pool, {short[1]} arrived{where}")
    went_through = {one.name for one, said in answered if isinstance(said, Ok)}
    kind, words = _IMPOSSIBLE[step.name]
    for control, refused, refusal in _CONTROLS.get(step.name, ()):
        if control in went_through:
            kind, words = refused, refusal
            break
    return Unsafe(kind, f"{words}{where}: {answer.reason}")


def _shortfall(step: Step, measured: Measured) -> Unsafe | None:
    """Where what left, what was said and what arrived are not one number."""
    sells = step.name.startswith(("sell", "stranger sells"))
    buys = step.name in ("buy", "buy for a stranger", "deliver", "buy elsewhere", "buy much")
    if measured.debited != measured.sent and not buys:
        return Unsafe("fee on top", f"{measured.sent} sent, the sender's balance fell by {measured.debited}")
    if measured.credited != measured.sent and not buys:
        kind, to = ("fee on sale", "to a pool") if sells else ("fee on transfer", "to an address")
        return Unsafe(kind, f"{measured.sent} sent {to}, {measured.credited} arrived")
    if buys and measured.received > measured.asked:
        return Unsafe(
            "balance lies", f"{measured.asked} bought, {measured.received} are said to have arrived"
        )
    if buys and measured.received != measured.asked:
        kind = "fee between pools" if step.name == "deliver" else "fee on purchase"
        return Unsafe(kind, f"{measured.asked} bought, {measured.received} arrived")
    return None


def _moved_balances(plan: ProbePlan, answered: _Answered) -> Iterator[Unsafe]:
    looks = [answer for step, answer in answered if step.name == "look"]
    read: list[tuple[TokenUnits, ...]] = []
    for look in looks:
        if isinstance(look, Reverted):
            yield Unsafe("balance unreadable", f"balanceOf reverts: {look.reason}")
            return
        read.append(decode_look(look.value, len(plan.holders)))
    before, a_day_later, after_calls = read
    for holder, first, second, third in zip(plan.holders, before, a_day_later, after_calls, strict=True):
        whose = "ours" if holder == plan.holders[0] else f"that of {to_checksum(holder)}"
        if first != second:
            yield Unsafe("rebasing", f"a balance moved by itself in a day: {whose} from {first} to {second}")
        elif second != third:
            yield Unsafe(
                "rebasing", f"a balance moved on a stranger's call: {whose} from {second} to {third}"
            )
