"""Keeps untested tokens out of the trade: probes what is due, a bounded number after a block, and bars pools."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bot.chain.token_probe import TokenProber
from bot.core.identity import Address, to_checksum
from bot.core.messages import Head
from bot.core.ports import ChainReader
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.state.pool_table import PoolTable
from bot.state.token_answers import covered_pools, read_answers
from bot.state.token_probes import ProbePlan, ProbeSetting, plan_probe
from bot.state.token_safety import TokenBook
from bot.state.token_verdicts import Checked, Safe, Undecided, Unsafe, Verdict

log = structlog.get_logger()

AT_ONCE = 16
"""Probes in flight; the node runs each in a few milliseconds."""
A_BLOCK = 8
"""Tokens looked at after a block, whether they can be probed or not: the others wait their turn, barred or on their
old verdict."""

Progress = Callable[[int, int], None]
"""(tested, of)."""
Save = Callable[[Sequence[Checked]], Awaitable[None]]


class TokenGuard:
    """One for the run; tables come and go."""

    def __init__(self, book: TokenBook, prober: TokenProber, weth: Address, save: Save) -> None:
        self.book = book
        self._prober = prober
        self._weth = weth
        self._save = save

    async def admit(self, table: PoolTable, head: Head, progress: Progress) -> None:
        """Before anything is searched in a new table: bar it, and test all that is due, however much it is."""
        now = _time(head)
        self.book.adopt(table, now)
        waiting = self.book.due(now)
        total = len(waiting)
        while waiting:
            setting = self._setting(now)
            planned = {token: plan_probe(token, setting) for token in waiting}
            plans = [plan for plan in planned.values() if isinstance(plan, ProbePlan)]
            for start in range(0, len(plans), AT_ONCE):
                progress(total - len(waiting) + start, total)
                await self._test(plans[start : start + AT_ONCE], head)
            # What has no pool with WETH waits for another round: a token it trades with may be safe by now.
            untestable = {token: plan for token, plan in planned.items() if isinstance(plan, Unknown)}
            if not plans:
                for token, why in untestable.items():
                    self._note(token, Undecided(why.cause), head)
                break
            waiting = list(untestable)
        progress(total, total)
        if total:
            await self._save(self.book.checked)

    def take_in(self, head: Head) -> None:
        """Between a block and its tick: what it brought is barred until it is tested. Asks nobody."""
        self.book.take_in(_time(head))

    async def check(self, head: Head) -> tuple[int, ...]:
        """After the tick; the pools whose standing changed."""
        now = _time(head)
        changed = self.book.expire(now)
        due = self.book.due(now)
        setting, plans = self._setting(now), list[ProbePlan]()
        for token in due[:A_BLOCK]:
            plan = plan_probe(token, setting)
            if isinstance(plan, Unknown):
                changed += self._note(token, Undecided(plan.cause), head)
            else:
                plans.append(plan)
        changed += await self._test(plans, head)
        if due:
            await self._save(self.book.checked)
        return changed

    async def _test(self, plans: Sequence[ProbePlan], head: Head) -> tuple[int, ...]:
        answered = await asyncio.gather(*(self._prober.probe(plan, head) for plan in plans))
        changed: tuple[int, ...] = ()
        for plan, answers in zip(plans, answered, strict=True):
            if isinstance(answers, Unknown):
                changed += self._note(plan.token, Undecided(answers.cause), head)
                continue
            verdict = read_answers(plan, answers)
            pools = covered_pools(plan, answers) if isinstance(verdict, Safe) else frozenset[Address]()
            self._tell(plan.token, verdict)
            checked = Checked(plan.token, verdict, head.ref, _time(head), pools)
            changed += self.book.note(checked, plan.pools, plan.left)
        return changed

    def _note(self, token: Address, verdict: Verdict, head: Head) -> tuple[int, ...]:
        self._tell(token, verdict)
        return self.book.note(Checked(token, verdict, head.ref, _time(head)))

    def _tell(self, token: Address, verdict: Verdict) -> None:
        if isinstance(verdict, Unsafe):
            log.warning("token.unsafe", token=to_checksum(token), kind=verdict.kind, reason=verdict.reason)
        elif isinstance(verdict, Undecided):
            log.info("token.undecided", token=to_checksum(token), cause=verdict.cause)

    def _setting(self, now: Nanoseconds) -> ProbeSetting:
        return ProbeSetting(
            table=self.book.table,
            pools_of=self.book.pools_of,
            is_safe=lambda token: self.book.why_not(token, now) is None,
            weth=self._weth,
            parties=self._prober.parties,
            is_covered=self.book.is_covered,
        )


async def why_of_another_chain(reader: ChainReader, known: Sequence[Checked]) -> str | None:
    """Why kept verdicts cannot be used: the newest block they name is not here. None: it is, or there are none.

    A local chain begins anew under the same id, and the tokens it had are not there any more.
    """
    if not known:
        return None
    block = max(known, key=lambda one: one.at).block
    found = await reader.head_by_hash(block.hash)
    if isinstance(found, Ok) and found.value is not None:
        return None
    return f"block {block.number} 0x{block.hash.hex()}, of the newest verdict, is not on this chain"


def _time(head: Head) -> Nanoseconds:
    return Nanoseconds(head.timestamp * 1_000_000_000)
