"""What the head feed asks the node: the latest header, a parent, and all logs of exactly one block, or nothing."""

from collections.abc import Callable, Sequence

from bot.core.ethereum_json import (
    MalformedAnswer,
    decode_logs_of_receipts,
    decoded,
)
from bot.core.identity import BlockHash, hex_bytes
from bot.core.log_decoder import LogDecoder
from bot.core.messages import Log
from bot.core.ports import Clock, RpcSession
from bot.core.result import Ok, Reverted, Unknown
from bot.feeds.bloom import may_contain_any
from bot.feeds.config import FeedCounters, HeadFeedConfig
from bot.feeds.head_connection import HeardHead, hear


class BlockReads:
    """Over one session. `topics` are the first topics of the events wanted."""

    def __init__(
        self,
        session: RpcSession,
        clock: Clock,
        config: HeadFeedConfig,
        topics: Sequence[bytes],
        counters: FeedCounters,
    ) -> None:
        self._session = session
        self._clock = clock
        self._config = config
        self._topics = tuple(topics)
        self._counters = counters
        self._decoder = LogDecoder()

    async def latest(self) -> HeardHead | None:
        """None: no answer that can be used."""
        return self._heard(await self._session.request("eth_getBlockByNumber", ["latest", False]))

    async def block(self, block: BlockHash) -> HeardHead | None:
        """None: the node does not have it (it may have left the chain), or gave no answer that can be used."""
        heard = self._heard(await self._session.request("eth_getBlockByHash", [hex_bytes(block), False]))
        return heard if heard is not None and heard.head.hash == block else None

    async def logs(
        self, heard: HeardHead, is_superseded: Callable[[], bool]
    ) -> Ok[tuple[Log, ...]] | Unknown:
        """All wanted logs of this very block.

        A node may announce a block before it has indexed its logs. So an empty answer against the header's bloom,
        or none, is asked for again a few times; then the block's receipts decide. Once a newer head is known,
        a block the node does not have has most likely left the chain: it is not asked for again.
        """
        answer: Ok[tuple[Log, ...]] | Unknown = Unknown("no logs were asked for")
        started = self._clock.monotonic()
        for attempt in range(self._config.logs_attempts):
            if attempt:
                await self._clock.sleep(self._config.retry_delay)
            answer = await self._ask_logs(heard.head.hash)
            if isinstance(answer, Ok) and (answer.value or not self._expects_logs(heard)):
                return answer
            self._counters.logs_not_ready += 1
            is_late = self._clock.monotonic() - started >= self._config.patience
            if isinstance(answer, Unknown) and (is_late or is_superseded()):
                return answer
        return await self._confirm_empty(heard.head.hash) if isinstance(answer, Ok) else answer

    def _expects_logs(self, heard: HeardHead) -> bool:
        return heard.bloom is not None and may_contain_any(heard.bloom, self._topics)

    async def _ask_logs(self, block: BlockHash) -> Ok[tuple[Log, ...]] | Unknown:
        query = {"blockHash": hex_bytes(block), "topics": [[hex_bytes(topic) for topic in self._topics]]}
        answer = await self._session.request_undecoded("eth_getLogs", [query])
        logs = decoded(answer, lambda text: self._decoder.decode(text, block), "eth_getLogs")
        return Unknown(f"eth_getLogs: {logs.reason}") if isinstance(logs, Reverted) else logs

    async def _confirm_empty(self, block: BlockHash) -> Ok[tuple[Log, ...]] | Unknown:
        """A bloom may say yes for a block without the topic; the receipts know."""
        answer = await self._session.request("eth_getBlockReceipts", [hex_bytes(block)])
        if isinstance(answer, Reverted):
            self._counters.logs_unconfirmed += 1
            return Ok(())
        logs = decoded(answer, decode_logs_of_receipts(block), "eth_getBlockReceipts")
        if not isinstance(logs, Ok):
            return Unknown(f"eth_getBlockReceipts: {logs}")
        return Ok(tuple(log for log in logs.value if log.topics and log.topics[0] in self._topics))

    def _heard(self, answer: Ok[object] | Reverted | Unknown) -> HeardHead | None:
        if not isinstance(answer, Ok) or answer.value is None:
            return None
        try:
            return hear(answer.value, self._clock.monotonic())
        except MalformedAnswer:
            self._counters.malformed_heads += 1
            return None
