"""`eth_getLogs` from the wire's bytes to Logs, without a dictionary in between: the hot path's way.

`ethereum_json.decode_logs_of` says the same over decoded JSON, one field after the other; a property test holds the
two equal, refusals included. What repeats from block to block (addresses, topics) is read once and then looked up.
"""

from typing import Any, Final, TypeVar

import msgspec

from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_quantity
from bot.core.identity import Address, BlockHash, TxHash
from bot.core.messages import Log

K = TypeVar("K")
V = TypeVar("V")

MOST_KEPT: Final = 65_536
"""Texts of each kind that are remembered; then all are forgotten, so that a stranger's logs cannot fill the memory."""


class _LogText(msgspec.Struct, rename="camel", gc=False):
    address: str
    topics: tuple[str, ...]
    data: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: Any = None


class LogDecoder:
    """One for each feed."""

    def __init__(self) -> None:
        self._json = msgspec.json.Decoder(list[_LogText])
        self._addresses: dict[str, Address] = {}
        self._topics: dict[tuple[str, ...], tuple[bytes, ...]] = {}
        self._indices: dict[str, int] = {}

    def decode(self, answer: bytes | msgspec.Raw, block: BlockHash) -> tuple[Log, ...]:
        """Logs of `block`, in ascending log index. Raises MalformedAnswer as `decode_logs_of` does."""
        try:
            texts = self._json.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedAnswer(f"not a list of logs: {error}") from None
        return self._logs(texts, "0x" + block.hex())

    def _logs(self, texts: list[_LogText], expected: str) -> tuple[Log, ...]:
        addresses, topics, indices = self._addresses.get, self._topics.get, self._indices.get
        fromhex, logs, last = bytes.fromhex, [], -1
        tx_text: str | None = None
        tx_hash = TxHash(b"")
        for text in texts:
            if text.block_hash != expected and text.block_hash.lower() != expected:
                raise MalformedAnswer(
                    f"a log of block {text.block_hash[:80]} among those asked for {expected}"
                )
            if text.removed:
                raise MalformedAnswer("a log is marked as removed: its block has left the chain")
            index = indices(text.log_index)
            if index is None:
                index = self._keep(self._indices, text.log_index, decode_quantity(text.log_index))
            if index <= last:
                raise MalformedAnswer("logs are not in ascending log index")
            last = index
            if text.transaction_hash != tx_text:
                tx_text = text.transaction_hash
                tx_hash = TxHash(decode_data(tx_text, 32))
            digits = text.data
            try:
                data = fromhex(digits[2:])
            except ValueError:
                data = decode_data(digits)  # says what is wrong
            if len(digits) != 2 + 2 * len(data) or digits[:2] != "0x":  # fromhex skips white space
                raise MalformedAnswer(f"{digits[:80]!r} is not data")
            logs.append(
                Log(
                    addresses(text.address) or self._address(text.address),
                    topics(text.topics) or self._read_topics(text.topics),
                    data,
                    index,
                    tx_hash,
                )
            )
        return tuple(logs)

    def _address(self, text: str) -> Address:
        return self._keep(self._addresses, text, Address(decode_data(text, 20)))

    def _read_topics(self, texts: tuple[str, ...]) -> tuple[bytes, ...]:
        if len(texts) > 4:
            raise MalformedAnswer(f"{len(texts)} topics, at most four are possible")
        return self._keep(self._topics, texts, tuple(decode_data(text, 32) for text in texts))

    def _keep(self, kept: dict[K, V], text: K, value: V) -> V:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[text] = value
        return value
