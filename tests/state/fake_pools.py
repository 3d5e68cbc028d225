"""V3 pools in a dictionary that answer as the chain does: one call at a time, or all of them through a lens with little gas."""

from dataclasses import dataclass, field

from bot.core.messages import Log
from bot.core.result import Ok, Reverted, Unknown
from bot.protocols.pool_lens import last_word
from bot.protocols.uniswap_v3 import POOL_CREATED_TOPIC
from bot.state.reads import LensRead, LogsRead
from tests.state.blocks import signed, word

SELECTORS = {
    bytes.fromhex("3850c7bd"): "slot0",
    bytes.fromhex("1a686502"): "liquidity",
    bytes.fromhex("5339c296"): "tickBitmap",
    bytes.fromhex("f30dba93"): "ticks",
}
TICK_MAPS_HEAD = 4 + 64


@dataclass
class FakePools:
    """`pools`: address -> (spacing, price, tick, liquidity, {tick: (gross, net)})."""

    pools: dict
    words_a_call: int = 10_000
    """What the lens has gas for."""
    lens: object = None
    """What every lens call is answered with instead, if anything."""
    broken: dict = field(default_factory=dict)
    """(address, function) -> the answer instead."""
    calls: int = 0
    lens_calls: int = 0

    def drive(self, plan, others=lambda read: Unknown("no such thing")):
        try:
            reads = next(plan)
            while True:
                reads = plan.send([self.answer(read, others) for read in reads])
        except StopIteration as end:
            return end.value

    def answer(self, read, others):
        if isinstance(read, LensRead):
            self.lens_calls += 1
            return self.lens or Ok(self.tick_maps(read.data))
        if isinstance(read, LogsRead) or read.to not in self.pools:
            return others(read)
        self.calls += 1
        return self.one(read.to, read.data)

    def one(self, address, data):
        function = SELECTORS[data[:4]]
        if (address, function) in self.broken:
            return self.broken[address, function]
        spacing, price, tick, liquidity, ticks = self.pools[address]
        argument = int.from_bytes(data[4:], "big", signed=True)
        match function:
            case "slot0":
                return Ok(word(price) + signed(tick) + word(0) * 4 + word(1))
            case "liquidity":
                return Ok(word(liquidity))
            case "tickBitmap":
                bits = sum(1 << (at // spacing) % 256 for at in ticks if at // spacing // 256 == argument)
                return Ok(word(bits))
        gross, net = ticks.get(argument, (0, 0))
        return Ok(word(gross) + signed(net) + word(0) * 5 + word(int(gross > 0)))

    def tick_maps(self, data):
        """As contracts/PoolLens.vy does it, `words_a_call` being its gas."""
        found, left = [], self.words_a_call
        for at in range(TICK_MAPS_HEAD, len(data), 32):
            if not left:
                break
            request = int.from_bytes(data[at : at + 32], "big")
            address = (request % 2**160).to_bytes(20, "big")
            if any(broken == address for broken, _ in self.broken):
                found += [word(2**256 - 1), word(0), word(0), word(0)]
                continue
            spacing, price, tick, liquidity, ticks = self.pools[address]
            start = (request >> 184) - 32768
            stop = min(start + left, last_word(spacing) + 1)
            left -= stop - start
            inside = [t for t in sorted(ticks) if start <= t // spacing // 256 < stop]
            after = 32767 if stop > last_word(spacing) else stop
            found += [word(price), signed(tick), word(liquidity), word(len(inside) | (after + 32768) << 32)]
            for t in inside:
                gross, net = ticks[t]
                found += [word(gross | (t % 2**24) << 128), signed(net)]
        return word(32) + word(len(found)) + b"".join(found)


def creation_log(event, place):
    """One of tests.state.blocks' creation events as a log found among those of many blocks."""
    factory, topics, data = event
    assert topics[0] == POOL_CREATED_TOPIC
    return Log(factory, topics, data, place, bytes(32))


REFUSALS = {
    "overrides refused": Unknown("eth_call: the node refused: too many arguments"),
    "no code ran": Ok(b""),
    "reverted": Reverted("out of gas"),
    "nonsense": Ok(word(32) + word(7)),
    "nothing read": Ok(word(32) + word(0)),
}
