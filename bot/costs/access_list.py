"""Whether listing what a transaction touches pays (EIP-2930), entry by entry, under a fork's schedule. Pure."""

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from bot.core.identity import Address
from bot.core.transaction import AccessList
from bot.core.units import Gas
from bot.costs.gas_schedule import GasSchedule

PRECOMPILES: Final = frozenset(Address(number.to_bytes(20, "big")) for number in (*range(0x01, 0x12), 0x100))
"""Osaka's: EIP-2537 up to 0x11, EIP-7951 at 0x100."""


class Listing(msgspec.Struct, frozen=True):
    entries: AccessList
    """What to put into the transaction; empty where nothing pays."""
    saving: Gas
    """Gas the transaction uses less with them, at least; 0 for none."""


def warm_from_the_start(sender: Address, to: Address, coinbase: Address) -> frozenset[Address]:
    """Accounts that no list makes cheaper: EIP-2929's, and the block's builder (EIP-3651)."""
    return PRECOMPILES | {sender, to, coinbase}


def entries_that_pay(touched: AccessList, warm: AbstractSet[Address], schedule: GasSchedule) -> Listing:
    """Of the accounts and slots that a transaction does touch, those whose listing saves more than it costs.

    An account is listed with all of its slots, with none, or not at all, whichever saves most; one that is warm already
    saves nothing itself and is owed for all the same. A slot counts as read first; one that is written first, without
    being read, saves 100 more. An entry that is not touched after all would cost its whole price: the transaction has to
    be simulated with its list.
    """
    account_price = schedule.access_list_address + 20 * schedule.access_list_byte
    slot_price = schedule.access_list_slot + 32 * schedule.access_list_byte
    slot_gain = schedule.cold_slot - schedule.warm - slot_price
    entries: list[tuple[Address, tuple[bytes, ...]]] = []
    saving = 0
    for address, slots in _merged(touched):
        spared = 0 if address in warm else schedule.cold_account - schedule.warm
        kept = slots if slot_gain > 0 else ()
        gain = spared - account_price + len(kept) * slot_gain
        if gain > 0:
            entries.append((address, kept))
            saving += gain
    return Listing(tuple(entries), Gas(saving))


def _merged(touched: AccessList) -> list[tuple[Address, tuple[bytes, ...]]]:
    """Each account and each slot once, in order: a second mention is charged and saves nothing."""
    slots_of: dict[Address, dict[bytes, None]] = {}
    for address, slots in touched:
        slots_of.setdefault(address, {}).update(dict.fromkeys(slots))
    return [(address, tuple(slots)) for address, slots in slots_of.items()]
