"""What a transaction costs before its first instruction, by fork. Numbers are data: a fork adds an entry, no code."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.profile import ForkFrom
from bot.core.transaction import AccessList
from bot.core.units import Gas, Wei

_NO_ETHER: Final = Wei(0)


class GasSchedule(msgspec.Struct, frozen=True):
    """EIP-2028, EIP-2930, EIP-7623, EIP-7825, and what replaces them. Of a call, not a contract creation."""

    name: str
    transaction: Gas
    """Every call of another account, whatever it carries."""
    value_transfer: Gas
    """On top, when it carries ether."""
    zero_byte: Gas
    nonzero_byte: Gas
    """Of calldata that is executed on."""
    floor_zero_byte: Gas
    floor_nonzero_byte: Gas
    """Of calldata, when little is executed."""
    access_list_address: Gas
    access_list_slot: Gas
    access_list_byte: Gas
    """On top, for each of an entry's 20 or 32 bytes; owed beside the floor, too."""
    cold_account: Gas
    cold_slot: Gas
    warm: Gas
    """EIP-2929: the first touch of an account or slot in a transaction, and any after it."""
    transaction_cap: Gas
    """No transaction may have a higher gas limit."""

    def intrinsic(self, data: bytes, access_list: AccessList = (), value: Wei = _NO_ETHER) -> Gas:
        """Charged before execution."""
        slots = sum(len(entry[1]) for entry in access_list)
        listed = len(access_list) * self.access_list_address + slots * self.access_list_slot
        zeros = data.count(0)
        calldata = zeros * self.zero_byte + (len(data) - zeros) * self.nonzero_byte
        return Gas(self._base(value) + calldata + listed + self._listed_bytes(access_list))

    def floor(self, data: bytes, access_list: AccessList = (), value: Wei = _NO_ETHER) -> Gas:
        """The least a transaction with this data uses, however little it executes; its gas limit must reach it."""
        zeros = data.count(0)
        calldata = zeros * self.floor_zero_byte + (len(data) - zeros) * self.floor_nonzero_byte
        return Gas(self._base(value) + calldata + self._listed_bytes(access_list))

    def _base(self, value: Wei) -> int:
        return self.transaction + (self.value_transfer if value else 0)

    def _listed_bytes(self, access_list: AccessList) -> int:
        return self.access_list_byte * sum(20 + 32 * len(slots) for _, slots in access_list)


OSAKA: Final = GasSchedule(
    name="osaka",
    transaction=Gas(21_000),
    value_transfer=Gas(0),
    zero_byte=Gas(4),
    nonzero_byte=Gas(16),
    floor_zero_byte=Gas(10),
    floor_nonzero_byte=Gas(40),
    access_list_address=Gas(2_400),
    access_list_slot=Gas(1_900),
    access_list_byte=Gas(0),
    cold_account=Gas(2_600),
    cold_slot=Gas(2_100),
    warm=Gas(100),
    transaction_cap=Gas(1 << 24),
)

GLAMSTERDAM: Final = GasSchedule(
    name="glamsterdam",
    transaction=Gas(12_000 + 3_000),
    value_transfer=Gas(6_000),
    zero_byte=Gas(4),
    nonzero_byte=Gas(16),
    floor_zero_byte=Gas(64),
    floor_nonzero_byte=Gas(64),
    access_list_address=Gas(2_900),
    access_list_slot=Gas(2_000),
    access_list_byte=Gas(64),
    cold_account=Gas(3_000),
    cold_slot=Gas(2_100),
    warm=Gas(100),
    transaction_cap=Gas(1 << 24),
)
"""EIP-2780, EIP-7976, EIP-7981, EIP-8038 as of August 2026. Not scheduled on mainnet: no profile names it yet.

The gas of swaps moves with it (a changed slot costs 12,100 for 5,000): gas_table's figures are then void, and what a
new slot costs is state gas, which is metered apart (EIP-8037). The simulation goes on being right."""

_SCHEDULES: Final = {schedule.name: schedule for schedule in (OSAKA, GLAMSTERDAM)}


def gas_schedule(name: str) -> GasSchedule:
    """The schedule of a fork, by the name a chain profile uses. Raises BadConfiguration for an unknown one."""
    schedule = _SCHEDULES.get(name)
    if schedule is None:
        raise BadConfiguration(
            f"gas_schedule {name!r} is not known: use one of {', '.join(sorted(_SCHEDULES))}"
        )
    return schedule


def schedule_at(forks: Sequence[ForkFrom], timestamp: int) -> GasSchedule:
    """The schedule of a block with this timestamp: of the last fork that has begun by then.

    Raises BadConfiguration when none has, or its name is unknown.
    """
    begun = [fork for fork in forks if fork.from_timestamp <= timestamp]
    if not begun:
        first = min((fork.from_timestamp for fork in forks), default=None)
        raise BadConfiguration(
            f"no gas schedule at timestamp {timestamp}: the profile's first begins at {first}"
        )
    return gas_schedule(max(begun, key=lambda fork: fork.from_timestamp).name)
