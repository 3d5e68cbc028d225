"""Drives the plans of bot.state over a ChainReader: bootstrap through Multicall3 in chunks, audit by single calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.core.identity import Address, BlockRef
from bot.core.ports import ChainReader
from bot.core.profile import ChainProfile
from bot.core.result import Ok, Reverted, Unknown
from bot.protocols.multicall3 import Call, decode_aggregate3_result, encode_aggregate3
from bot.state.audit import AuditResult, plan_audit
from bot.state.bootstrap import BootstrapResult, plan_bootstrap
from bot.state.market_state import MarketState
from bot.state.reads import Read, ReadAnswer, ReadPlan

T = TypeVar("T")

READS_A_CALL: Final = 500
"""About 8,000 gas each with its share of calldata and returns: 4 M gas, under every node's cap for eth_call."""
CHUNK_ATTEMPTS: Final = 3


async def bootstrap_pools(reader: ChainReader, profile: ChainProfile, at: BlockRef) -> BootstrapResult:
    """Every V2 pool of the profile, all read at the one block `at`.

    A pool that cannot be read is in `left_out`, not in the state. Raises bot.state.bootstrap.DiscoveryFailed
    (a RetryLater) when a factory does not answer.
    """

    async def answer(reads: Sequence[Read]) -> list[ReadAnswer]:
        answers: list[ReadAnswer] = []
        for start in range(0, len(reads), READS_A_CALL):
            chunk = reads[start : start + READS_A_CALL]
            answers += await _read_chunk(reader, profile.multicall3, chunk, at)
        return answers

    return await _drive(plan_bootstrap(profile, at), answer)


async def audit_pools(reader: ChainReader, state: MarketState, count: int) -> AuditResult:
    """Compare `count` pools, and read every stopped one afresh, at the block the state is at now.

    Each pool by its own call: the audit shares no contract with the bootstrap it checks.
    """
    at = state.ref

    async def answer(reads: Sequence[Read]) -> list[ReadAnswer]:
        return list(await asyncio.gather(*(reader.call(read.to, read.data, at) for read in reads)))

    return await _drive(plan_audit(state, count), answer)


async def _drive(plan: ReadPlan[T], answer: Callable[[Sequence[Read]], Awaitable[list[ReadAnswer]]]) -> T:
    try:
        reads = next(plan)
        while True:
            reads = plan.send(await answer(reads))
    except StopIteration as end:
        result: T = end.value
        return result


async def _read_chunk(
    reader: ChainReader, multicall3: Address, reads: Sequence[Read], at: BlockRef
) -> list[ReadAnswer]:
    data = encode_aggregate3([Call(read.to, read.data) for read in reads])
    called: Ok[bytes] | Reverted | Unknown = Unknown("not asked")
    for _ in range(CHUNK_ATTEMPTS):
        called = await reader.call(multicall3, data, at)
        if not isinstance(called, Unknown):
            break
    if not isinstance(called, Ok):
        return [called] * len(reads)
    try:
        results = decode_aggregate3_result(called.value)
    except ValueError as error:
        return [Unknown(f"aggregate3: {error}")] * len(reads)
    if len(results) != len(reads):
        return [Unknown(f"aggregate3 answered {len(results)} of {len(reads)} calls")] * len(reads)
    return [Ok(result.data) if result.success else Reverted("reverted", result.data) for result in results]
