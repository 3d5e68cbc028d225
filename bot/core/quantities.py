"""Values with their unit, as operators write them: "0.05 ETH", "30 gwei", "12 s", "25 bps". Conversion is exact.

A bare number where a unit belongs is refused: "0.05" in a variable called BALANCE is how limits get lost.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

from bot.core.market_data import PRICE_DECIMALS
from bot.core.units import Bps, Gas, Nanoseconds, Wei, WeiPerGas

ETHER_UNITS: Final = {"wei": 0, "gwei": 9, "eth": 18}
"""Unit name (lower case) to the power of ten that makes it wei."""
TIME_UNITS: Final = {"ns": 1, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
SHARE_UNITS: Final = {"bps": 1, "%": 100}
BYTE_UNITS: Final = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
"""Unit name (lower case) to bytes: SI units are powers of 1000, those with an i (IEC 80000-13) of 1024."""


def parse_wei(text: str) -> Wei:
    """Read "0.05 ETH" as wei. Raises ValueError for a missing or foreign unit, a sign, or a fraction of a wei."""
    number, unit = _split(text, ETHER_UNITS, "ETH, gwei or wei")
    return Wei(_whole(number.scaleb(ETHER_UNITS[unit]), text, "wei"))


def parse_gas_price(text: str) -> WeiPerGas:
    """Read "30 gwei" as wei per gas."""
    return WeiPerGas(parse_wei(text))


def parse_gas(text: str) -> Gas:
    """Read "500000 gas" as gas."""
    number, _ = _split(text, {"gas": 0}, "gas")
    return Gas(_whole(number, text, "gas"))


def parse_duration(text: str) -> Nanoseconds:
    """Read "12 s" as nanoseconds."""
    number, unit = _split(text, TIME_UNITS, "ns, ms, s, min or h")
    return Nanoseconds(_whole(number * TIME_UNITS[unit], text, "nanoseconds"))


def parse_bps(text: str) -> Bps:
    """Read "25 bps" or "0.25 %" as basis points; at most the whole."""
    number, unit = _split(text, SHARE_UNITS, "bps or %")
    bps = _whole(number * SHARE_UNITS[unit], text, "basis points")
    if bps > 10_000:
        raise ValueError(f"{text!r} is more than the whole: at most 10000 bps")
    return Bps(bps)


def parse_bytes(text: str) -> int:
    """Read "2 GB" as bytes: 2,000,000,000; "2 GiB" is 2,147,483,648."""
    number, unit = _split(text, BYTE_UNITS, "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB")
    return _whole(number * BYTE_UNITS[unit], text, "bytes")


def parse_count(text: str) -> int:
    """A plain non-negative whole number: for counts, which have no unit."""
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def format_ether(wei: int, places: int = 6) -> str:
    """Ether for a person's eye, rounded down towards zero; never parsed back."""
    sign = "-" if wei < 0 else ""
    whole, rest = divmod(abs(wei), 10**18)
    return f"{sign}{whole}.{rest:018d}"[: len(sign) + len(str(whole)) + 1 + places] + " ETH"


def format_gwei(price: int) -> str:
    """A gas price for a person's eye."""
    return f"{Decimal(price).scaleb(-9).normalize():f} gwei"


def format_price(price: int) -> str:
    """A price of PRICE_DECIMALS for a person's eye, cut (not rounded) to about seven digits; never parsed back."""
    whole, rest = divmod(price, 10**PRICE_DECIMALS)
    places = PRICE_DECIMALS if price < 10 ** (PRICE_DECIMALS - 2) else max(2, 7 - len(str(whole)))
    return f"{whole}.{rest:0{PRICE_DECIMALS}d}"[: len(str(whole)) + 1 + places]


def _split(text: str, units: dict[str, int], wanted: str) -> tuple[Decimal, str]:
    parts = text.replace("%", " %").split()
    if len(parts) != 2 or parts[1].lower() not in units:
        raise ValueError(f"{text!r} needs a number and its unit ({wanted})")
    try:
        number = Decimal(parts[0])
    except InvalidOperation as error:
        raise ValueError(f"{text!r}: {parts[0]!r} is not a number") from error
    if not number.is_finite() or number.is_signed():
        raise ValueError(f"{text!r} must be a finite number, zero or more")
    return number, parts[1].lower()


def _whole(number: Decimal, text: str, unit: str) -> int:
    if number != number.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of {unit}")
    return int(number)
