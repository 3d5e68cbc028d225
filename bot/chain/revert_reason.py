"""Revert data as a sentence: Error(string), Panic(uint256) (Solidity, "Errors and the Revert Statement"), or raw."""

from typing import Final

ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
PANIC_SELECTOR: Final = bytes.fromhex("4e487b71")
PANICS: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "value is not of the enum",
    0x22: "storage byte array is badly encoded",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of an empty function variable",
}


def revert_reason(data: bytes) -> str:
    """One line for a person; never raises, since the data is the contract's own choice."""
    # Here, not above: half a second of import that only a revert needs to pay.
    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    if not data:
        return "reverted without a reason"
    try:
        if data[:4] == ERROR_SELECTOR:
            [text] = decode(["string"], data[4:])
            return str(text)
        if data[:4] == PANIC_SELECTOR:
            [code] = decode(["uint256"], data[4:])
            return f"panic 0x{code:02x}: {PANICS.get(code, 'no known meaning')}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return f"reverted with undecodable data 0x{data[:68].hex()}"
    if len(data) >= 4:
        return f"custom error 0x{data[:4].hex()}({len(data) - 4} bytes: 0x{data[4:68].hex()})"
    return f"reverted with 0x{data.hex()}"
