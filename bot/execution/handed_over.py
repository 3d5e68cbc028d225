"""What was handed over for which blocks: a bundle that a relay has can land in any block of its window."""

from bot.core.decisions import Plan
from bot.core.identity import WalletName


class HandedOver:
    """Of one run. Never less than the truth: also what was withdrawn, or replaced, is still there until its window ends."""

    def __init__(self) -> None:
        self._plans: dict[WalletName, list[Plan]] = {}
        self._aims: dict[WalletName, set[int]] = {}
        """Blocks for which something that follows nothing was handed over."""

    def note(self, plan: Plan, target_block: int) -> None:
        kept = self._plans.setdefault(plan.wallet, [])
        if plan not in kept:
            kept.append(plan)
        if plan.behind is None:
            self._aims.setdefault(plan.wallet, set()).add(target_block)

    def forget_before(self, block: int) -> None:
        """Windows that ended before this block are over."""
        self._plans = {
            name: [plan for plan in plans if plan.window.last_block >= block]
            for name, plans in self._plans.items()
        }
        self._aims = {name: {aim for aim in aims if aim >= block} for name, aims in self._aims.items()}

    def roll_back(self, to: int) -> None:
        """Blocks above `to` will be built anew: nothing was handed over for those of the new branch."""
        self._aims = {name: {aim for aim in aims if aim <= to} for name, aims in self._aims.items()}

    def can_land_in(self, wallet: WalletName, block: int) -> tuple[Plan, ...]:
        """All of this wallet whose window holds the block, oldest first; they may be of several nonces."""
        plans = self._plans.get(wallet, ())
        return tuple(plan for plan in plans if plan.window.first_block <= block <= plan.window.last_block)

    def by_wallet(self, block: int) -> list[tuple[Plan, ...]]:
        """Of each wallet, what can land in that block or a later one."""
        return [
            tuple(plan for plan in plans if plan.window.last_block >= block) for plans in self._plans.values()
        ]

    def has_aimed_at(self, wallet: WalletName, block: int) -> bool:
        """Something of its own, that follows nothing, was handed over for that block."""
        return block in self._aims.get(wallet, ())
