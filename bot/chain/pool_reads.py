"""Drives the plans of bot.state over a ChainReader: by the lens, by Multicall3 in chunks, the audit by single calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.core.identity import Address, BlockRef
from bot.core.ports import ChainReader
from bot.core.profile import ChainProfile
from bot.core.result import Ok, Reverted, Unknown
from bot.protocols.multicall3 import Call, decode_aggregate3_result, encode_aggregate3
from bot.protocols.pool_lens import LENS_ADDRESS
from bot.state.audit import AuditResult, plan_audit
from bot.state.bootstrap import BootstrapResult, plan_bootstrap
from bot.state.market_state import MarketState
from bot.state.reads import AnyRead, LensRead, LogsRead, Read, ReadAnswer, ReadPlan

T = TypeVar("T")

READS_A_CALL: Final = 500
"""About 8,000 gas each with its share of calldata and returns: 4 M gas, under every node's cap for eth_call."""
ATTEMPTS: Final = 3
MOST_SINGLE_READS: Final = 64
"""More at once (a tick map read without the lens) go through Multicall3."""


class PoolReads:
    """Answers what a plan asks, all at one block. `lens`: the code of PoolLens, None where there is none."""

    def __init__(self, reader: ChainReader, multicall3: Address, at: BlockRef, lens: bytes | None) -> None:
        self._reader = reader
        self._multicall3 = multicall3
        self._at = at
        self._lens = lens

    async def in_chunks(self, reads: Sequence[AnyRead]) -> list[ReadAnswer]:
        """Answers in the order of `reads`; single calls are gathered by Multicall3."""
        calls = [read for read in reads if isinstance(read, Read)]
        called: list[ReadAnswer] = []
        for start in range(0, len(calls), READS_A_CALL):
            called += await self._chunk(calls[start : start + READS_A_CALL])
        answers = iter(called)
        return [next(answers) if isinstance(read, Read) else await self._not_a_call(read) for read in reads]

    async def one_by_one(self, reads: Sequence[AnyRead]) -> list[ReadAnswer]:
        """Each read by its own call: shares no contract with what is read in chunks."""
        if len(reads) > MOST_SINGLE_READS:
            return await self.in_chunks(reads)
        return list(await asyncio.gather(*(self._alone(read) for read in reads)))

    async def _alone(self, read: AnyRead) -> ReadAnswer:
        if isinstance(read, Read):
            return await self._reader.call(read.to, read.data, self._at)
        return await self._not_a_call(read)

    async def _not_a_call(self, read: LensRead | LogsRead) -> ReadAnswer:
        if isinstance(read, LogsRead):
            return await self._reader.logs_of(read.emitter, read.topic, read.first_block, self._at.number)
        lens = self._lens
        if lens is None:
            return Unknown("the lens is not compiled")
        return await _tried(lambda: self._reader.call_with_code(LENS_ADDRESS, lens, read.data, self._at))

    async def _chunk(self, reads: Sequence[Read]) -> list[ReadAnswer]:
        data = encode_aggregate3([Call(read.to, read.data) for read in reads])
        called = await _tried(lambda: self._reader.call(self._multicall3, data, self._at))
        if not isinstance(called, Ok):
            return [called] * len(reads)
        try:
            results = decode_aggregate3_result(called.value)
        except ValueError as error:
            return [Unknown(f"aggregate3: {error}")] * len(reads)
        if len(results) != len(reads):
            return [Unknown(f"aggregate3 answered {len(results)} of {len(reads)} calls")] * len(reads)
        return [
            Ok(result.data) if result.success else Reverted("reverted", result.data) for result in results
        ]


async def bootstrap_pools(
    reader: ChainReader, profile: ChainProfile, at: BlockRef, lens: bytes | None = None
) -> BootstrapResult:
    """Every pool of the profile, all read at the one block `at`.

    A pool that cannot be read is in `left_out`, not in the state. Raises bot.state.bootstrap.DiscoveryFailed
    (a RetryLater) when a factory does not answer.
    """
    reads = PoolReads(reader, profile.multicall3, at, lens)
    return await _drive(plan_bootstrap(profile, at, has_lens=lens is not None), reads.in_chunks)


async def audit_pools(
    reader: ChainReader, profile: ChainProfile, state: MarketState, count: int, lens: bytes | None = None
) -> AuditResult:
    """Compare `count` pools, and read every stopped one afresh, at the block the state is at now."""
    reads = PoolReads(reader, profile.multicall3, state.ref, lens)
    return await _drive(plan_audit(state, count, has_lens=lens is not None), reads.one_by_one)


async def _drive(plan: ReadPlan[T], answer: Callable[[Sequence[AnyRead]], Awaitable[list[ReadAnswer]]]) -> T:
    try:
        reads = next(plan)
        while True:
            reads = plan.send(await answer(reads))
    except StopIteration as end:
        result: T = end.value
        return result


async def _tried(
    ask: Callable[[], Awaitable[Ok[bytes] | Reverted | Unknown]],
) -> Ok[bytes] | Reverted | Unknown:
    """What is not known may be known at the next attempt."""
    answer: Ok[bytes] | Reverted | Unknown = Unknown("not asked")
    for _ in range(ATTEMPTS):
        answer = await ask()
        if not isinstance(answer, Unknown):
            break
    return answer
