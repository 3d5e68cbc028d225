"""ERC-20 as pools and people meet it: the Transfer event, balances, and the names tokens give themselves.

Sources: EIP-20; bytes32 symbols as MKR and SAI have them (DSToken, before the string became usual).
"""

from typing import Final

import msgspec

from bot.core.identity import Address, keccak
from bot.core.messages import Log
from bot.core.units import TokenUnits

TRANSFER_TOPIC: Final = keccak(b"Transfer(address,address,uint256)")

_WORD = 32
_BALANCE_OF = keccak(b"balanceOf(address)")[:4]
_SYMBOL = keccak(b"symbol()")[:4]
_DECIMALS = keccak(b"decimals()")[:4]
_STRING_OFFSET = _WORD.to_bytes(_WORD, "big")
_MOST_SYMBOL_BYTES = 32
_MOST_DECIMALS = 255


class Transfer(msgspec.Struct, frozen=True):
    sender: Address
    recipient: Address
    amount: TokenUnits


def balance_of_calldata(holder: Address) -> bytes:
    if len(holder) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(holder)}: 0x{holder.hex()}")
    return _BALANCE_OF + bytes(12) + holder


def symbol_calldata() -> bytes:
    return _SYMBOL


def decimals_calldata() -> bytes:
    return _DECIMALS


def decode_transfer(log: Log) -> Transfer:
    """Raises ValueError for what is no ERC-20 Transfer: an ERC-721 one has the same first topic and a fourth."""
    if len(log.topics) != 3 or log.topics[0] != TRANSFER_TOPIC or len(log.data) != _WORD:
        raise ValueError(
            f"{len(log.topics)} topics and {len(log.data)} bytes of data, expected Transfer's three and {_WORD}"
        )
    sender, recipient = (_address(topic) for topic in log.topics[1:])
    return Transfer(sender, recipient, TokenUnits(int.from_bytes(log.data, "big")))


def decode_balance(answer: bytes) -> TokenUnits:
    """Raises ValueError unless it is one word."""
    return TokenUnits(_word(answer, "balanceOf() answer"))


def decode_decimals(answer: bytes) -> int:
    """Raises ValueError unless it is one word that fits uint8."""
    decimals = _word(answer, "decimals() answer")
    if decimals > _MOST_DECIMALS:
        raise ValueError(f"decimals {decimals} is above {_MOST_DECIMALS}, the most its type holds")
    return decimals


def decode_symbol(answer: bytes) -> str:
    """A string, or a bytes32 padded with zeros; for a person's eye, never for deciding anything.

    A symbol is its contract's own claim and may be hostile: what is not printable becomes U+FFFD, and after 32 bytes
    it is cut. Raises ValueError for an answer of neither form, and for an empty symbol.
    """
    if len(answer) == _WORD:
        raw = answer.rstrip(b"\x00")
    elif answer[:_WORD] == _STRING_OFFSET and len(answer) >= 2 * _WORD:
        length = int.from_bytes(answer[_WORD : 2 * _WORD], "big")
        if length > len(answer) - 2 * _WORD:
            raise ValueError(f"a symbol of {length} bytes does not fit into an answer of {len(answer)}")
        raw = answer[2 * _WORD : 2 * _WORD + length]
    else:
        raise ValueError(f"symbol() answer has {len(answer)} bytes and is neither a string nor a bytes32")
    text = raw[:_MOST_SYMBOL_BYTES].decode(errors="replace")
    if not text:
        raise ValueError("the symbol is empty")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _address(topic: bytes) -> Address:
    if len(topic) != _WORD or any(topic[:12]):
        raise ValueError(f"0x{topic.hex()} is no address in a word")
    return Address(topic[12:])


def _word(answer: bytes, what: str) -> int:
    if len(answer) != _WORD:
        raise ValueError(f"{what} has {len(answer)} bytes, expected {_WORD}")
    return int.from_bytes(answer, "big")
