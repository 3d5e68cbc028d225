import random

from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.bloom import may_contain, may_contain_any
from bot.feeds.silence import SilenceWatch

# One log by 0x22..22 under topic 0x00..ff: the bits anvil 1.7.1 set in the header's bloom.
ADDRESS, TOPIC = b"\x22" * 20, bytes(31) + b"\xff"
NODE_BITS = (142, 687, 688, 958, 1092, 1276)
NODE_BLOOM = sum(1 << bit for bit in NODE_BITS).to_bytes(256, "big")


def test_bloom_holds_what_a_node_put_into_it():
    assert may_contain(NODE_BLOOM, ADDRESS)
    assert may_contain(NODE_BLOOM, TOPIC)


def test_bloom_misses_an_item_when_any_of_its_bits_is_missing():
    for bit in NODE_BITS:
        bloom = (int.from_bytes(NODE_BLOOM, "big") & ~(1 << bit)).to_bytes(256, "big")
        assert not (may_contain(bloom, ADDRESS) and may_contain(bloom, TOPIC))


def test_bloom_denies_what_is_not_in_it():
    draw = random.Random(5)
    absent = [draw.randbytes(32) for _ in range(200)]
    assert not may_contain_any(NODE_BLOOM, absent)
    assert not may_contain(bytes(256), absent[0])
    assert may_contain(b"\xff" * 256, absent[0])


def test_backoff_doubles_to_its_cap_and_jitter_only_shortens_it():
    first, longest = Nanoseconds(100), Nanoseconds(1000)
    assert [delay(attempt, first, longest, 0.999999) for attempt in (0, 1, 2, 3, 4, 1000)] == [
        99,
        199,
        399,
        799,
        999,
        999,
    ]
    assert delay(3, first, longest, 0.0) == 400


def test_silence_is_measured_from_the_last_block_and_probes_from_the_last_message():
    watch = SilenceWatch(Nanoseconds(10), Nanoseconds(30), Nanoseconds(0))
    assert not watch.is_probe_due(Nanoseconds(9))
    assert watch.is_probe_due(Nanoseconds(10))
    watch.heard_message(Nanoseconds(25))
    assert not watch.is_probe_due(Nanoseconds(30))
    assert watch.silence(Nanoseconds(30)) is None
    assert watch.silence(Nanoseconds(31)).silent_for == 31, "a message without a block is no block"
    assert watch.silence(Nanoseconds(99)) is None, "told once"
    watch.heard_block(Nanoseconds(100))
    assert watch.silence(Nanoseconds(130)) is None
    assert watch.silence(Nanoseconds(131)).silent_for == 31
