"""The limits of a wallet, and the strategy and global ones that may only tighten them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.identity import WalletName
from bot.core.quantities import parse_count, parse_gas, parse_gas_price, parse_wei
from bot.core.units import Gas, Wei, WeiPerGas


class WalletLimits(msgspec.Struct, frozen=True):
    """All eight are mandatory in canary and live mode. Every one is inclusive: a value equal to it is allowed."""

    notional_per_trade: Wei
    """Sum of the inputs of one transaction's cycles, in the wrapped native coin."""
    fee_per_gas: WeiPerGas
    """`max_fee_per_gas` of a transaction."""
    gas_per_tx: Gas
    gas_spend_per_day: Wei
    """Gas paid in this UTC day, and all that may yet be paid for what is in flight."""
    loss_per_day: Wei
    """Losses realised in this UTC day, and what is in flight at its worst. Gains do not make room."""
    value_in_flight: Wei
    """Reservations of the unused nonces at their worst cost."""
    failures_in_a_row: int
    """Transactions mined as reverted, or of unknown end, since the last one landed."""
    balance_ceiling: Wei
    """A hot wallet that holds more is swept before it trades."""


class Tightening(msgspec.Struct, frozen=True):
    """Limits of a strategy, or global ones: those that are set lower the wallet's, none raises them."""

    notional_per_trade: Wei | None = None
    fee_per_gas: WeiPerGas | None = None
    gas_per_tx: Gas | None = None
    gas_spend_per_day: Wei | None = None
    loss_per_day: Wei | None = None
    value_in_flight: Wei | None = None
    failures_in_a_row: int | None = None
    balance_ceiling: Wei | None = None


class Limits(msgspec.Struct, frozen=True):
    """Everything the operator has set."""

    wallets: Mapping[WalletName, WalletLimits]
    strategies: Mapping[str, Tightening] = {}
    everywhere: Tightening = Tightening()
    """Global. Its day limits and its value in flight also bound the sum over all wallets."""

    def of(self, wallet: WalletName, strategy: str) -> WalletLimits | None:
        """The tightest of what applies; None for a wallet nobody set limits for."""
        limits = self.wallets.get(wallet)
        if limits is None:
            return None
        return tightest(limits, self.strategies.get(strategy, Tightening()), self.everywhere)


LIMIT_PARSERS: Final[Mapping[str, Callable[[str], int]]] = {
    "notional_per_trade": parse_wei,
    "fee_per_gas": parse_gas_price,
    "gas_per_tx": parse_gas,
    "gas_spend_per_day": parse_wei,
    "loss_per_day": parse_wei,
    "value_in_flight": parse_wei,
    "failures_in_a_row": parse_count,
    "balance_ceiling": parse_wei,
}
"""Lower-case name of each limit (BOT_LIMIT_<WALLET>__<NAME>) to what reads its text."""


@lru_cache(maxsize=1024)  # asked for by every check of every plan; the answer never changes
def tightest(limits: WalletLimits, *tightenings: Tightening) -> WalletLimits:
    """Field by field the least of what is set."""

    def least(name: str) -> Any:
        set_values = [value for each in tightenings if (value := getattr(each, name)) is not None]
        return min([getattr(limits, name), *set_values])

    return msgspec.convert({name: least(name) for name in LIMIT_PARSERS}, WalletLimits)


def wallet_limits(given: Mapping[WalletName, Mapping[str, int]]) -> dict[WalletName, WalletLimits]:
    """Limits by wallet, from parsed values by lower-case name.

    Raises BadConfiguration with a line for every limit that is missing, negative or unknown, of every wallet.
    """
    problems = [problem for wallet, values in given.items() for problem in _problems(wallet, values)]
    if problems:
        raise BadConfiguration(*problems)
    return {wallet: msgspec.convert(dict(values), WalletLimits) for wallet, values in given.items()}


def _problems(wallet: WalletName, values: Mapping[str, int]) -> list[str]:
    def variable(name: str) -> str:
        return f"BOT_LIMIT_{wallet.upper()}__{name.upper()}"

    missing = [
        f"{variable(name)} is not set: `bot config --suggest` prints a conservative value"
        for name in LIMIT_PARSERS
        if name not in values
    ]
    unknown = [f"{variable(name)} is no limit of ours" for name in values if name not in LIMIT_PARSERS]
    negative = [
        f"{variable(name)} is {value}: a limit is 0 or more" for name, value in values.items() if value < 0
    ]
    return missing + unknown + negative
