"""Heads as a node hears of them, by a seeded law that the clock does not know, and by mainnet's own timestamps."""

import random

from bot.core.identity import ZERO_ADDRESS
from bot.core.messages import Head
from bot.core.profile import SlotRule

SECOND = 10**9
GENESIS = 1_606_824_023
MAINNET = SlotRule(GENESIS, 12)
OBSERVED = SlotRule(1_700_000_000, 12, "observed")
BOOTED = 77 * SECOND
"""The monotonic clock at genesis: it knows nothing of UTC."""


def name(number, branch=0):
    return bytes([branch]) + number.to_bytes(31, "big", signed=True)


def head(number, timestamp, branch=0, parent_branch=None):
    parent = name(number - 1, branch if parent_branch is None else parent_branch)
    return Head(number, name(number, branch), parent, timestamp, 7, 0, 30_000_000, ZERO_ADDRESS)


def monotonic(utc):
    return utc - GENESIS * SECOND + BOOTED


def mainnet_arrivals(blocks, missed, seed, first_slot=10_000_000):
    """(head, when it was seen in UTC) of slots that stay empty now and then and heads that come between 1 and 6 s."""
    law = random.Random(seed)
    slot = first_slot
    for number in range(1, blocks + 1):
        timestamp = GENESIS + 12 * slot
        delay = law.lognormvariate(0.75, 0.25)
        yield head(number, timestamp), timestamp * SECOND + int(min(delay, 9) * SECOND)
        slot += 1
        while law.random() < missed:
            slot += 1


def note(clock, seen, at_utc):
    clock.note_head(seen, at_utc, monotonic(at_utc))


def ask(clock, at_utc):
    return clock.next_block(at_utc, monotonic(at_utc))
