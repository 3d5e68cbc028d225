"""A header's logs bloom (Yellow Paper 4.4.3): a topic that is in the block's logs is always in the bloom."""

from collections.abc import Iterable

from bot.core.identity import keccak


def may_contain(bloom: bytes, item: bytes) -> bool:
    """False: no log of the block has this address or topic. True: one may have. `bloom` is 256 bytes."""
    digest = keccak(item)
    return all(_bit(bloom, int.from_bytes(digest[i : i + 2], "big") & 2047) for i in (0, 2, 4))


def may_contain_any(bloom: bytes, items: Iterable[bytes]) -> bool:
    return any(may_contain(bloom, item) for item in items)


def _bit(bloom: bytes, position: int) -> int:
    return bloom[255 - position // 8] >> (position % 8) & 1
