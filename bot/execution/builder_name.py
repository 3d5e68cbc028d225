"""Who built a block, in the words of its extra data."""

from typing import Final

_PRINTABLE: Final = range(0x20, 0x7F)


def builder_name(extra_data: bytes) -> str:
    """Printable ASCII, the rest as single spaces; empty where less than half is printable: then it is no name.

    An OP-stack chain keeps fee parameters there (Holocene, Jovian), some nodes RLP with their version.
    """
    printable = sum(byte in _PRINTABLE for byte in extra_data)
    if 2 * printable < len(extra_data):
        return ""
    return " ".join("".join(chr(byte) if byte in _PRINTABLE else " " for byte in extra_data).split())
