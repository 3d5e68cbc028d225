"""All pools of a chain and their states block by block: followed from the logs, and held against the chain's storage.

Storage layout of UniswapV3Pool.sol: slot0 in slot 0 (sqrtPriceX96 in the low 160 bits, tick in the 24 above), liquidity
in slot 4, `ticks` in slot 5 (each begins with liquidityGross in the low and liquidityNet in the high 128 bits), and
`tickBitmap` in slot 6.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from oracle.chain_reader import ChainReader, log_of
from oracle.concentrated_liquidity import MAX_TICK, MIN_TICK
from oracle.facts import Fee, Log, Pool, PoolState, V3Pool, V3State
from oracle.node import data, number, quantity, text
from oracle.pool_history import BURN, INITIALIZE, MINT, SWAP, after_log, pools_changed, states_before

POOL_CREATED = keccak(text="PoolCreated(address,address,uint24,int24,address)")
MULTICALL3 = data("0xca11bde05977b3631167028862be2a173976ca11")

_SLOT0, _LIQUIDITY, _TICKS, _BITMAP = 0, 4, 5, 6
_UNTOUCHED = V3State(0, 0, 0, {})
_AGGREGATE3 = keccak(text="aggregate3((address,bool,bytes)[])")[:4]
_TICK_BITMAP = keccak(text="tickBitmap(int16)")[:4]
_WORDS_PER_CALL = 2_000


class MarketReader:
    """Every V2 and V3 pool of the given factories. The list is made once; states are kept by height."""

    def __init__(
        self, chain: ChainReader, pair_factories: Mapping[bytes, Fee], pool_factories: Iterable[bytes]
    ) -> None:
        self.chain = chain
        pairs = chain.pairs(pair_factories)
        self.concentrated = _pools(chain, pool_factories)
        self.pools: dict[bytes, Pool] = {pool.address: pool for pool in (*pairs, *self.concentrated)}
        self._pairs = [pair.address for pair in pairs]
        self._states: dict[int, dict[bytes, PoolState]] = {}

    def states(self, height: int) -> dict[bytes, PoolState]:
        """After block `height`. The first one asked for comes from all logs there were, the ones after it block by block.

        An unchanged pool keeps the very same object. Ask for the lowest height first.
        """
        if height not in self._states:
            if self._states and height > min(self._states):
                known = max(known for known in self._states if known < height)
                for number_ in range(known + 1, height + 1):
                    block = self.chain.block(number_)
                    before = self._states[number_ - 1]
                    changed = pools_changed(block) & self.pools.keys()
                    after = states_before(block, len(block.transactions), before, changed)
                    self._states[number_] = before | after
            else:
                self._states[height] = self._from_the_beginning(height)
        return self._states[height]

    def _from_the_beginning(self, height: int) -> dict[bytes, PoolState]:
        states: dict[bytes, PoolState] = dict(self.chain.reserves(self._pairs, height))
        states |= {pool.address: _UNTOUCHED for pool in self.concentrated}
        for log in self._history(height):
            states[log.address] = after_log(states[log.address], log)
        return states

    def _history(self, height: int) -> list[Log]:
        """All logs of the concentrated pools, by any of which a state changes."""
        if not self.concentrated:
            return []
        query = {
            "fromBlock": "0x0",
            "toBlock": quantity(height),
            "topics": [[text(topic) for topic in (INITIALIZE, SWAP, MINT, BURN)]],
        }
        ours = {pool.address for pool in self.concentrated}
        return [log for log in map(log_of, self.chain.node.call("eth_getLogs", query)) if log.address in ours]

    def differences(self, height: int) -> list[str]:
        """Where the followed states of `height` are not what the pools' storage holds; empty is good.

        Price, tick, active liquidity and every followed tick of every pool, and the reserves of every pair.
        """
        states = self.states(height)
        pairs = self.chain.reserves(self._pairs, height)
        wrong = [
            f"pair {text(pair)}: {states[pair]}, storage {pairs[pair]}"
            for pair in self._pairs
            if states[pair] != pairs[pair]
        ]
        for pool in self.concentrated:
            state = states[pool.address]
            assert isinstance(state, V3State)
            stored = self._stored(pool, state.indices, height)
            if stored != state:
                wrong.append(f"pool {text(pool.address)}: {state}, storage {stored}")
        return wrong

    def _stored(self, pool: V3Pool, indices: Iterable[int], height: int) -> V3State:
        slots = [_SLOT0, _LIQUIDITY, *(_mapped(index, _TICKS) for index in indices)]
        calls = [
            ("eth_getStorageAt", [text(pool.address), quantity(slot), quantity(height)]) for slot in slots
        ]
        slot0, liquidity, *ticks = map(number, self.chain.node.batch(calls))
        return V3State(
            sqrt_price=slot0 & ((1 << 160) - 1),
            tick=_signed(slot0 >> 160, 24),
            liquidity=liquidity & ((1 << 128) - 1),
            ticks={
                index: (packed & ((1 << 128) - 1), _signed(packed >> 128, 128))
                for index, packed in zip(indices, ticks, strict=True)
            },
        )

    def initialised(self, pool: V3Pool, height: int) -> tuple[int, ...]:
        """Every initialised tick of the pool's bitmap, all words of it, from the lowest tick there can be."""
        first, last = (tick // pool.tick_spacing >> 8 for tick in (MIN_TICK, MAX_TICK))
        words = range(first, last + 1)
        found: list[int] = []
        for start in range(0, len(words), _WORDS_PER_CALL):
            chunk = words[start : start + _WORDS_PER_CALL]
            for place, bits in zip(chunk, self._bitmap(pool, chunk, height), strict=True):
                found += [((place << 8) + bit) * pool.tick_spacing for bit in range(256) if bits >> bit & 1]
        return tuple(found)

    def _bitmap(self, pool: V3Pool, words: Iterable[int], height: int) -> list[int]:
        asked = [(text(pool.address), False, _TICK_BITMAP + encode(["int16"], [word])) for word in words]
        call = {
            "to": text(MULTICALL3),
            "data": text(_AGGREGATE3 + encode(["(address,bool,bytes)[]"], [asked])),
        }
        answer = data(self.chain.node.call("eth_call", call, quantity(height)))
        [answers] = decode(["(bool,bytes)[]"], answer)
        return [int.from_bytes(word, "big") for _, word in answers]


def _pools(chain: ChainReader, factories: Iterable[bytes]) -> tuple[V3Pool, ...]:
    """PoolCreated(token0 indexed, token1 indexed, fee indexed, tickSpacing, pool)."""
    query = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": [text(factory) for factory in factories],
        "topics": [text(POOL_CREATED)],
    }
    return tuple(_pool(log) for log in chain.node.call("eth_getLogs", query))


def _pool(log: dict[str, Any]) -> V3Pool:
    token0, token1, fee = (data(topic) for topic in log["topics"][1:])
    body = data(log["data"])
    return V3Pool(
        address=body[44:64],
        factory=data(log["address"]),
        token0=token0[12:],
        token1=token1[12:],
        fee=int.from_bytes(fee, "big"),
        tick_spacing=int.from_bytes(body[:32], "big", signed=True),
    )


def _mapped(key: int, slot: int) -> int:
    return int.from_bytes(keccak(encode(["int256", "uint256"], [key, slot])), "big")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
