"""A chain of headers and logs in memory, for nodes that are made to misbehave. Abandoned blocks are unknown, as on anvil, or kept, as by geth."""

from dataclasses import dataclass, field

from bot.core.identity import BlockHash, BlockRef, keccak
from bot.core.messages import Log

TOPIC = b"\x01" * 32
OTHER_TOPIC = b"\x02" * 32
EMITTER = b"\xee" * 20


@dataclass(frozen=True)
class FakeBlock:
    number: int
    hash: BlockHash
    parent_hash: BlockHash
    payload: tuple[tuple[bytes, bytes], ...]
    """(topic, data) of each log."""

    @property
    def ref(self):
        return BlockRef(self.number, self.hash)

    def header(self):
        bloom = bytearray(256)
        for topic, _ in self.payload:
            for item in (EMITTER, topic):
                digest = keccak(item)
                for start in (0, 2, 4):
                    position = int.from_bytes(digest[start : start + 2], "big") & 2047
                    bloom[255 - position // 8] |= 1 << (position % 8)
        return {
            "number": hex(self.number),
            "hash": "0x" + self.hash.hex(),
            "parentHash": "0x" + self.parent_hash.hex(),
            "timestamp": hex(1_700_000_000 + 12 * self.number),
            "baseFeePerGas": "0x7",
            "gasUsed": "0x0",
            "gasLimit": "0x1c9c380",
            "miner": "0x" + "00" * 20,
            "logsBloom": "0x" + bloom.hex(),
        }

    def logs_json(self, topics=None):
        return [
            {
                "address": "0x" + EMITTER.hex(),
                "topics": ["0x" + topic.hex()],
                "data": "0x" + data.hex(),
                "blockHash": "0x" + self.hash.hex(),
                "blockNumber": hex(self.number),
                "transactionHash": "0x" + keccak(self.hash).hex(),
                "transactionIndex": "0x0",
                "logIndex": hex(place),
                "removed": False,
            }
            for place, (topic, data) in enumerate(self.payload)
            if topics is None or "0x" + topic.hex() in topics
        ]

    def wanted(self):
        """What a feed of TOPIC must deliver."""
        return tuple(
            Log(EMITTER, (topic,), data, place, keccak(self.hash))
            for place, (topic, data) in enumerate(self.payload)
            if topic == TOPIC
        )


@dataclass
class FakeChain:
    blocks: list[FakeBlock] = field(default_factory=list)
    mined: int = 0
    serves_abandoned: bool = False
    """As geth does: blocks that have left the chain, and their logs, can still be read by hash."""
    abandoned: list[FakeBlock] = field(default_factory=list)

    def __post_init__(self):
        self.mine()

    @property
    def tip(self):
        return self.blocks[-1]

    def mine(self, count=1):
        """New blocks, each with one log wanted and one not; returned oldest first."""
        made = []
        for _ in range(count):
            self.mined += 1
            parent = self.blocks[-1].hash if self.blocks else bytes(32)
            mark = self.mined.to_bytes(32, "big")
            payload = ((OTHER_TOPIC, b""), (TOPIC, mark))
            block = FakeBlock(len(self.blocks), keccak(parent + mark), parent, payload)
            self.blocks.append(block)
            made.append(block)
        return made

    def mine_empty(self):
        [block] = self.mine()
        self.blocks[-1] = FakeBlock(block.number, block.hash, block.parent_hash, ())
        return self.blocks[-1]

    def reorg(self, depth, length):
        """Abandon `depth` blocks and mine `length` others; the new ones are returned."""
        self.abandoned += self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        return self.mine(length)

    def by_hash(self, text):
        known = self.blocks + self.abandoned if self.serves_abandoned else self.blocks
        return next((block for block in known if "0x" + block.hash.hex() == text), None)
