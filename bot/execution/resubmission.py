"""Inside its window a signed payload goes to the routes again at each new head, while the node says that it holds.

The bytes stay as they were signed: their window, nonce and minimum profit are on chain, so nothing is signed anew. What
no longer pays is withdrawn: handed to nobody any more, and watched like any other until its window is over.
"""

from collections.abc import Iterable

import msgspec

from bot.core.decisions import Check, Plan
from bot.core.identity import IntentId, WalletName
from bot.core.messages import Head
from bot.core.ports import Simulator
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import SignedTransaction
from bot.core.units import Wei, WeiPerGas, gas_cost
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_schedule import GasSchedule
from bot.execution.config import ExecutionConfig
from bot.execution.preflight import PreflightFailed, preflight
from bot.execution.simulate import simulate_plan


class Standing(msgspec.Struct):
    """A payload whose window is open, and the block it was last handed over for."""

    plan: Plan
    signed: SignedTransaction
    aimed_at: int

    def may_follow(self, head: Head) -> bool:
        """The block after `head` is in its window, and it was not handed over for that one."""
        return self.aimed_at <= head.number < self.plan.window.last_block


class StandingPayloads:
    """By intent, those that may be handed over again. Back-runs never are: what they followed is gone or mined."""

    def __init__(self) -> None:
        self._by_intent: dict[IntentId, Standing] = {}

    def __len__(self) -> int:
        return len(self._by_intent)

    def note_sent(self, plan: Plan, signed: SignedTransaction, target_block: int) -> None:
        if plan.behind is None and plan.window.last_block > target_block:
            self._by_intent[plan.id] = Standing(plan, signed, target_block)

    def due(self, head: Head, still_open: Iterable[IntentId]) -> tuple[Standing, ...]:
        """For the block after `head`, oldest first; intents that have ended, or can land no more, are forgotten."""
        opened = set(still_open)
        self._by_intent = {
            intent: standing
            for intent, standing in self._by_intent.items()
            if intent in opened and head.number < standing.plan.window.last_block
        }
        return tuple(standing for standing in self._by_intent.values() if standing.may_follow(head))

    def withdraw(self, intent: IntentId) -> None:
        self._by_intent.pop(intent, None)


def best_of(standing: Iterable[Standing], wallet: WalletName, nonce: int) -> Standing | None:
    """Of one wallet's payloads, which share its nonce, the one that earns most; the first of equals."""
    own = [one for one in standing if (one.plan.wallet, one.plan.transaction.nonce) == (wallet, nonce)]
    return max(own, key=lambda one: one.plan.predicted_profit, default=None)


def is_better(fresh: Plan, standing: Standing) -> bool:
    """Worth a signature of its own: other cycles, or the same at other amounts, that earn more."""
    same = [one.legs for one in fresh.opportunities] == [one.legs for one in standing.plan.opportunities]
    return not same and fresh.predicted_profit > standing.plan.predicted_profit


async def why_withdrawn(
    standing: Standing,
    head: Head,
    count: Ok[int] | Reverted | Unknown,
    balance: Ok[Wei] | Reverted | Unknown,
    simulator: Simulator,
    schedule: GasSchedule,
    config: ExecutionConfig,
    timestamp: int | None = None,
) -> Check | None:
    """None: on top of `head` the very bytes still earn what was predicted, above the minimum after gas.

    A simulation without an answer withdraws, too: unknown is not good enough to be sent (law 1).
    """
    plan = standing.plan
    checked = preflight(plan, head, count, balance, schedule)
    if isinstance(checked, PreflightFailed):
        return checked.check
    here = msgspec.structs.replace(plan, state=head.ref)
    simulated = await simulate_plan(simulator, here, head, config, timestamp)
    if isinstance(simulated, Reverted):
        return Check("reverted", "runs through", simulated.reason)
    if isinstance(simulated, Unknown):
        return Check("unknown", "an answer", simulated.cause)
    if simulated.value.profit != plan.predicted_profit:
        return Check("profit", str(plan.predicted_profit), str(simulated.value.profit))
    price = WeiPerGas(next_base_fee(head) + plan.transaction.max_priority_fee_per_gas)
    net = plan.predicted_profit - gas_cost(simulated.value.gas_used, price) - plan.l1_fee
    if net < config.min_net_profit:
        return Check("net profit", f">= {config.min_net_profit} wei", f"{net} wei")
    return None
