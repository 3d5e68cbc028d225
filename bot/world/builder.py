"""The block builder: which transactions go into the next block, in which order, and what each of them will do.

Bundles first, best payer per gas ahead, each all or nothing; then public transactions by effective tip; then private
order flow, and those private ones whose sender gave up revert protection. Nothing is mined here: the result is a plan with its expected
outcomes, which sealing holds against the chain.

Real builders do it so, roughly: simulate each bundle alone at the top of the block, sort by value per gas, add one
by one, and drop what fails or pays notably less after the others (relays.md section 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from bot.core.identity import Address, TxHash, from_hex, hex_bytes, to_checksum
from bot.core.units import Wei
from bot.costs.gas_schedule import GasSchedule
from bot.world.anvil import Anvil
from bot.world.block_simulation import (
    READERS_GAS_RESERVE,
    BuildingBlock,
    GroupOutcome,
    SimulationRefusedError,
    TransactionOutcome,
    simulate,
)
from bot.world.block_story import BundleStory, LosingStory, Origin
from bot.world.bundle_book import Submission
from bot.world.json_rpc import RpcError
from bot.world.mempool import Mempool
from bot.world.raw_transaction import RawTransaction
from bot.world.relay_kinds import BUILDER_A
from bot.world.transaction_checks import Account, check_without_state, read_accounts
from bot.world.transaction_pools import TransactionPools

LEAST_KEPT_SHARE = Fraction(95, 100)
"""A bundle that pays less than this part of its value alone, once placed behind others, is dropped."""


class PlannedTransaction(msgspec.Struct, frozen=True):
    transaction: RawTransaction
    origin: Origin
    expected: TransactionOutcome


class BlockPlan(msgspec.Struct, frozen=True):
    block: BuildingBlock
    transactions: tuple[PlannedTransaction, ...]
    bundles: tuple[BundleStory, ...]
    value: Wei = Wei(0)
    """What the whole block pays its builder."""
    builder: str = BUILDER_A
    bid: Wei | None = None
    """Part of `value` offered for the right to build; None where nobody competes."""
    losing: LosingStory | None = None


class _Candidate(msgspec.Struct, frozen=True):
    """A bundle that works alone at the top of the block."""

    submission: Submission
    alone: GroupOutcome

    def rank(self) -> tuple[Fraction, bytes]:
        return (-Fraction(self.alone.builder_gain, self.alone.gas_used), self.submission.hash)


class _Assembly:
    """The block so far: groups of transactions, what they did, and the nonces after them."""

    def __init__(self, block: BuildingBlock, accounts: Mapping[Address, Account]) -> None:
        self.block = block
        self.accounts = accounts
        self.groups: list[tuple[RawTransaction, ...]] = []
        self.origins: list[Origin] = []
        self.outcomes: list[GroupOutcome] = []

    @property
    def value(self) -> Wei:
        return Wei(sum(group.builder_gain for group in self.outcomes))

    @property
    def gas_left(self) -> int:
        return self.block.gas_limit - READERS_GAS_RESERVE - sum(group.gas_used for group in self.outcomes)

    @property
    def length(self) -> int:
        return sum(len(group) for group in self.groups)

    def accept(self, group: Sequence[RawTransaction], origin: Origin, outcomes: list[GroupOutcome]) -> None:
        self.groups.append(tuple(group))
        self.origins.append(origin)
        self.outcomes = outcomes

    def accounts_after(self) -> dict[Address, Account]:
        """Accounts with the nonces used so far, and at worst the balance left."""
        after = dict(self.accounts)
        for tx in (tx for group in self.groups for tx in group):
            account = after[tx.sender]
            after[tx.sender] = Account(tx.nonce + 1, Wei(account.balance - tx.upfront_cost))
        return after

    def planned(self, pools: TransactionPools) -> tuple[PlannedTransaction, ...]:
        """In order; what a bundle carries of others' transactions keeps the origin it has without it."""
        return tuple(
            PlannedTransaction(tx, pools.origin_of(tx.hash) or origin, expected)
            for group, origin, outcome in zip(self.groups, self.origins, self.outcomes, strict=True)
            for tx, expected in zip(group, outcome.transactions, strict=True)
        )


class Builder:
    """Makes plans from what the relay and the public mempool hold. Reads the chain, changes nothing."""

    def __init__(
        self,
        anvil: Anvil,
        chain_id: int,
        schedule: GasSchedule,
        competitors: frozenset[Address] = frozenset(),
    ) -> None:
        self._anvil = anvil
        self._chain_id = chain_id
        self._schedule = schedule
        self._competitors = competitors

    async def plan(
        self, block: BuildingBlock, submissions: Sequence[Submission], pools: TransactionPools
    ) -> BlockPlan:
        """The next block. Raises AnvilError where the chain cannot be read."""
        senders = {tx.sender for one in submissions for tx in one.transactions}
        assembly = _Assembly(block, await read_accounts(self._anvil, senders | pools.senders()))
        stories = await self._add_bundles(assembly, submissions)
        for pool, origin in pools.in_order():
            await self._add_singles(assembly, pool, origin)
        told = tuple(_with_origins(story, pools) for story in stories)
        return BlockPlan(block, assembly.planned(pools), told, assembly.value)

    async def _add_bundles(self, assembly: _Assembly, submissions: Sequence[Submission]) -> list[BundleStory]:
        stories: list[BundleStory] = []
        candidates: list[_Candidate] = []
        for submission in submissions:
            result = await self._alone(assembly, submission)
            if isinstance(result, str):
                stories.append(self._story(submission, result))
            else:
                candidates.append(_Candidate(submission, result))
        for candidate in sorted(candidates, key=_Candidate.rank):
            position = assembly.length
            reason = await self._place(assembly, candidate)
            stories.append(self._story(candidate.submission, reason, candidate.alone, position))
        return stories

    async def _alone(self, assembly: _Assembly, submission: Submission) -> GroupOutcome | str:
        """What the bundle does at the top of the block, or why it is dropped."""
        if submission.is_never_built:
            return f"fault: {', '.join(submission.endpoints)} took it and shows it to no builder"
        reason = self._unfit(assembly.block, assembly.accounts, submission)
        if reason:
            return reason
        try:
            [outcome] = await simulate(self._anvil, assembly.block, [submission.transactions])
        except SimulationRefusedError as error:
            return f"not executable: {error}"
        if reason := _reverted(submission, outcome):
            return reason
        if outcome.builder_gain <= 0:
            return f"pays the builder {outcome.builder_gain} wei"
        return outcome

    async def _place(self, assembly: _Assembly, candidate: _Candidate) -> str:
        """Put the bundle behind what is there; empty, or why it does not go."""
        submission = candidate.submission
        # A bundle whose sender already has a transaction in this block, at this nonce, was beaten by itself.
        if reason := self._unfit(assembly.block, assembly.accounts_after(), submission):
            return reason
        limit = sum(tx.gas_limit for tx in submission.transactions)
        if limit > assembly.gas_left:
            return f"block full: gas limit {limit}, left {assembly.gas_left}"
        try:
            outcomes = await simulate(
                self._anvil, assembly.block, [*assembly.groups, submission.transactions]
            )
        except SimulationRefusedError as error:
            return f"not executable behind {assembly.length} transactions: {error}"
        if reason := _reverted(submission, outcomes[-1]):
            return f"outbid: behind {assembly.length} better paying transactions {reason}"
        gain, alone = outcomes[-1].builder_gain, candidate.alone.builder_gain
        if gain < alone * LEAST_KEPT_SHARE:
            return f"pays {gain} wei behind others, {alone} alone"
        assembly.accept(submission.transactions, "bundle", outcomes)
        return ""

    def _unfit(
        self, block: BuildingBlock, accounts: Mapping[Address, Account], submission: Submission
    ) -> str:
        """What the simulation would not notice: time window, nonces, fees, intrinsic gas."""
        if submission.min_timestamp and block.timestamp < submission.min_timestamp:
            return f"block time {block.timestamp}, not before {submission.min_timestamp}"
        if submission.max_timestamp and block.timestamp > submission.max_timestamp:
            return f"block time {block.timestamp}, not after {submission.max_timestamp}"
        nonces = {sender: account.nonce for sender, account in accounts.items()}
        for tx in submission.transactions:
            try:
                check_without_state(tx, self._chain_id, self._schedule, block.gas_limit)
            except RpcError as error:
                return f"{hex_bytes(tx.hash)}: {error.message}"
            if tx.nonce != nonces[tx.sender]:
                return f"{hex_bytes(tx.hash)}: nonce {tx.nonce}, the sender's next is {nonces[tx.sender]}"
            if tx.effective_tip(block.base_fee) < 0:
                return f"{hex_bytes(tx.hash)}: max fee {tx.max_fee_per_gas}, base fee {block.base_fee}"
            nonces[tx.sender] += 1
        return ""

    async def _add_singles(self, assembly: _Assembly, pool: Mempool, origin: Origin) -> None:
        accounts = assembly.accounts_after()
        line = pool.executable(assembly.block.base_fee, accounts)
        while line:
            try:
                outcomes = await simulate(self._anvil, assembly.block, [*assembly.groups, line])
            except SimulationRefusedError:
                # Someone earlier in the line spends what someone later counts on: seek the longest line that goes.
                line = line[: await self._executable_length(assembly, line)]
                continue
            fitting = _fitting(line, outcomes[-1], assembly.gas_left)
            if len(fitting) == len(line):
                assembly.accept(line, origin, outcomes)
                return
            line = fitting

    async def _executable_length(self, assembly: _Assembly, line: Sequence[RawTransaction]) -> int:
        """The most first transactions of `line` that the chain agrees to run; by halving."""
        good, bad = 0, len(line)
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                await simulate(self._anvil, assembly.block, [*assembly.groups, line[:middle]])
            except SimulationRefusedError:
                bad = middle
            else:
                good = middle
        return good

    def tell_late(self, submission: Submission, number: int) -> BundleStory:
        """The story of a bundle that came after its last block, found when block `number` was built."""
        reason = f"late: for block {submission.last_block}, block {number} is being built"
        return msgspec.structs.replace(self._story(submission, reason), fate="late")

    def tell_missed(self, submission: Submission, closed_at: float, place: int) -> BundleStory:
        """The story of a bundle that came when builder number `place` had closed; parts of the slot."""
        reason = f"late: arrived at {submission.arrival.fraction:.2f} of the slot, builder {place} closed at {closed_at:.2f}"
        return msgspec.structs.replace(self._story(submission, reason), fate="late")

    def _story(
        self,
        submission: Submission,
        reason: str,
        alone: GroupOutcome | None = None,
        position: int | None = None,
    ) -> BundleStory:
        return BundleStory(
            bundle_hash=hex_bytes(submission.hash),
            signer=to_checksum(submission.signer),
            is_competitor=submission.signer in self._competitors,
            replacement_uuid=submission.replacement_uuid,
            transactions=tuple(hex_bytes(tx.hash) for tx in submission.transactions),
            fate="dropped" if reason else "included",
            reason=reason,
            value_wei=None if alone is None else str(alone.builder_gain),
            gas=None if alone is None else alone.gas_used,
            position=None if reason else position,
            endpoints=submission.endpoints,
        )


def _with_origins(story: BundleStory, pools: TransactionPools) -> BundleStory:
    hashes = (TxHash(from_hex(text)) for text in story.transactions)
    came_from: tuple[Origin, ...] = tuple(pools.origin_of(tx_hash) or "bundle" for tx_hash in hashes)
    return msgspec.structs.replace(story, came_from=came_from)


def _reverted(submission: Submission, outcome: GroupOutcome) -> str:
    """Which transaction failed that must not, or empty."""
    for tx, result in zip(submission.transactions, outcome.transactions, strict=True):
        if not result.succeeded and tx.hash not in submission.may_revert:
            return f"reverts in {hex_bytes(tx.hash)}: {result.error or 'no reason'}"
    return ""


def _fitting(line: Sequence[RawTransaction], outcome: GroupOutcome, gas_left: int) -> list[RawTransaction]:
    """`line` without what exceeds the block: a transaction needs its whole gas limit free when its turn comes."""
    fitting: list[RawTransaction] = []
    stopped: set[Address] = set()
    for tx, result in zip(line, outcome.transactions, strict=True):
        if tx.sender in stopped or tx.gas_limit > gas_left:
            stopped.add(tx.sender)
            continue
        fitting.append(tx)
        gas_left -= result.gas_used
    return fitting
