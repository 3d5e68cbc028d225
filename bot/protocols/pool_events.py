"""The first topics of every event by which a followed pool comes into being or changes for a taker, of all protocols."""

from typing import Final

from bot.core.messages import Log
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC
from bot.protocols.uniswap_v3 import BURN_TOPIC, FORKS, INITIALIZE_TOPIC, MINT_TOPIC, POOL_CREATED_TOPIC
from bot.protocols.words import WORD

TAKEN_TOPICS: Final = (SYNC_TOPIC, *(fork.swap_topic for fork in FORKS.values()))
"""What a pool emits whenever its price changes. A V3 Mint or Burn does not change it, and may lie out of its range."""
MOVED_TOPICS: Final = (*TAKEN_TOPICS, MINT_TOPIC, BURN_TOPIC)
"""What a pool that is traded on emits whenever it changes: V2 Sync, V3 Swap, Mint and Burn."""
FOLLOWED_TOPICS: Final = (*MOVED_TOPICS, INITIALIZE_TOPIC, PAIR_CREATED_TOPIC, POOL_CREATED_TOPIC)
"""All that the state is kept from."""


def is_taking(log: Log) -> bool:
    """Whether the pool's price changed: what was to be earned there may be gone."""
    return bool(log.topics) and log.topics[0] in TAKEN_TOPICS


def is_move(log: Log) -> bool:
    """Whether the pool that wrote it changed for a taker. A V3 Burn of nothing only credits fees."""
    if not log.topics or log.topics[0] not in MOVED_TOPICS:
        return False
    return log.topics[0] != BURN_TOPIC or any(log.data[:WORD])
