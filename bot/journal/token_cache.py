"""Verdicts about tokens, kept between runs in one small file: replaced whole or not at all.

A file that cannot be read, or that says of another chain, probe or address, is an empty one, and the caller is told:
then everything is tested again, which costs seconds.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.core.identity import BlockHash, BlockRef, address_from_hex, from_hex, hex_bytes, to_checksum
from bot.core.units import Nanoseconds
from bot.state.token_verdicts import Checked, Verdict

SCHEMA = 2
CACHE_FILE = Path("cache") / "tokens.json"
"""Within BOT_DATA_DIR."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str
    verdict: Verdict
    block: int
    block_hash: str
    at_ns: int
    pools: list[str]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    chain_id: int
    probe: str
    tokens: list[_Row]


def load_verdicts(path: Path, chain_id: int, probe: bytes) -> tuple[tuple[Checked, ...], str | None]:
    """What was kept, and why nothing of it can be used (None: it can, or there is no file yet).

    `probe`: fingerprint of the probe and of who we are.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
        found = (document.schema, document.chain_id, document.probe)
        if found != (SCHEMA, chain_id, hex_bytes(probe)):
            return (
                (),
                f"{path} is of schema, chain and probe {found}, wanted {(SCHEMA, chain_id, hex_bytes(probe))}",
            )
        return tuple(_checked(row) for row in document.tokens), None
    except FileNotFoundError:
        return (), None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        return (), f"{path} cannot be read: {error}"


def read_verdicts(path: Path) -> tuple[Checked, ...]:
    """Of whatever chain and probe, for a person to look at; none where the file is not there or cannot be read."""
    try:
        return tuple(_checked(row) for row in msgspec.json.decode(path.read_bytes(), type=_Document).tokens)
    except (OSError, msgspec.MsgspecError, ValueError):
        return ()


def save_verdicts(path: Path, chain_id: int, probe: bytes, checked: Sequence[Checked]) -> None:
    """On disk when it returns; whoever reads meanwhile reads the old file. Raises OSError."""
    rows = [
        _Row(
            to_checksum(one.token),
            one.verdict,
            one.block.number,
            hex_bytes(one.block.hash),
            one.at,
            [to_checksum(pool) for pool in sorted(one.pools)],
        )
        for one in checked
    ]
    document = _Document(SCHEMA, chain_id, hex_bytes(probe), rows)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(document), indent=1))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checked(row: _Row) -> Checked:
    block = BlockRef(row.block, BlockHash(from_hex(row.block_hash)))
    pools = frozenset(address_from_hex(pool) for pool in row.pools)
    return Checked(address_from_hex(row.token), row.verdict, block, Nanoseconds(row.at_ns), pools)
