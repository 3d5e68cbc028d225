"""What a transaction costs before its first instruction, by fork. Numbers are data: a fork adds an entry, no code."""

from typing import Final

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.transaction import AccessList
from bot.core.units import Gas


class GasSchedule(msgspec.Struct, frozen=True):
    """EIP-2028, EIP-2930, EIP-7623, EIP-7825. A calldata token is a zero byte; another byte counts for several."""

    name: str
    transaction: Gas
    tokens_per_nonzero_byte: int
    calldata_token: Gas
    floor_token: Gas
    access_list_address: Gas
    access_list_slot: Gas
    transaction_cap: Gas
    """No transaction may have a higher gas limit."""

    def intrinsic(self, data: bytes, access_list: AccessList = ()) -> Gas:
        """Charged before execution. A call, not a contract creation."""
        slots = sum(len(entry[1]) for entry in access_list)
        listed = len(access_list) * self.access_list_address + slots * self.access_list_slot
        return Gas(self.transaction + self._tokens(data) * self.calldata_token + listed)

    def floor(self, data: bytes) -> Gas:
        """The least a transaction with this data uses, however little it executes; its gas limit must reach it."""
        return Gas(self.transaction + self._tokens(data) * self.floor_token)

    def _tokens(self, data: bytes) -> int:
        zeros = data.count(0)
        return zeros + (len(data) - zeros) * self.tokens_per_nonzero_byte


OSAKA: Final = GasSchedule(
    name="osaka",
    transaction=Gas(21_000),
    tokens_per_nonzero_byte=4,
    calldata_token=Gas(4),
    floor_token=Gas(10),
    access_list_address=Gas(2_400),
    access_list_slot=Gas(1_900),
    transaction_cap=Gas(1 << 24),
)

_SCHEDULES: Final = {schedule.name: schedule for schedule in (OSAKA,)}


def gas_schedule(name: str) -> GasSchedule:
    """The schedule of a fork, by the name a chain profile uses. Raises BadConfiguration for an unknown one."""
    schedule = _SCHEDULES.get(name)
    if schedule is None:
        raise BadConfiguration(
            f"gas_schedule {name!r} is not known: use one of {', '.join(sorted(_SCHEDULES))}"
        )
    return schedule
