"""What a wallet has signed so far, on disk before the next signature leaves."""

import errno
import os
from pathlib import Path

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.identity import Address, keccak, to_checksum
from bot.core.units import Wei
from bot.signer.day_spend import DaySpend

SCHEMA = 3
PAGE_BYTES = 4096
"""What a disk writes at once; a copy begins on its own."""
REORG_DEPTH = 64
"""Blocks. A wallet's count goes up by one a block at most, as its payloads share a nonce; a reorg takes no more back."""


class WalletTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the policy remembers of one wallet on one chain."""

    chain_id: int
    address: Address
    counter: int = 0
    """Signatures ever made."""
    last_signed_nonce: int | None = None
    """The highest ever signed."""
    next_nonce: int | None = None
    """The chain's transaction count, as last reported."""
    head: int = 0
    """The block of that report; on disk it may be an older one."""
    nonce_jumps: int = 0
    """Reports of a count that these signatures and a reorg do not explain."""
    day: int = 0
    """Days since 1970-01-01 UTC; it never goes back, whatever the clock does."""
    executions: DaySpend = DaySpend()
    cancellations: DaySpend = DaySpend()
    """Apart, so that a spent day does not stop a halt from finishing its job."""

    def on_day(self, today: int) -> "WalletTotals":
        """The same on a new day: what is still unlanded can cost today, so it is carried over."""
        days = today - self.day
        if days <= 0:
            return self
        return msgspec.structs.replace(
            self,
            day=today,
            executions=self.executions.after_days(days),
            cancellations=self.cancellations.after_days(days),
        )

    def with_report(self, next_nonce: int, head: int) -> "WalletTotals":
        """After the chain's count was reported as of block `head`.

        Every report is taken, whatever it says: one refused because of an earlier lie would leave the wallet unusable
        for the honest engine after it. Up or down, the nonces signed keep counting for their day; below its true
        count nothing can land.
        """
        return msgspec.structs.replace(
            self,
            next_nonce=next_nonce,
            head=head,
            nonce_jumps=self.nonce_jumps + int(self._is_jump(next_nonce)),
            executions=self.executions.with_next_nonce(next_nonce),
            cancellations=self.cancellations.with_next_nonce(next_nonce),
        )

    def with_signature(self, nonce: int, worst_cost: Wei, *, is_cancellation: bool) -> "WalletTotals":
        """After one more payload."""
        counted = msgspec.structs.replace(
            self, counter=self.counter + 1, last_signed_nonce=max(nonce, self.last_signed_nonce or 0)
        )
        if is_cancellation:
            spend = self.cancellations.with_payload(nonce, worst_cost)
            return msgspec.structs.replace(counted, cancellations=spend)
        return msgspec.structs.replace(counted, executions=self.executions.with_payload(nonce, worst_cost))

    def _is_jump(self, next_nonce: int) -> bool:
        """Nonces used that were never signed here (the wallet is used elsewhere?), or more reopened than a reorg can."""
        if self.next_nonce is None or next_nonce == self.next_nonce:
            return False
        explained = max(self.next_nonce, -1 if self.last_signed_nonce is None else self.last_signed_nonce + 1)
        return not self.next_nonce - REORG_DEPTH <= next_nonce <= explained


class _Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    write: int
    """Counts the writes of this file: of two copies that differ, the higher one is the newer."""
    check: bytes
    """keccak of `write` as text and the bytes of `totals`."""
    totals: msgspec.Raw


class TotalsFile:
    """`<wallet>.json`: two copies of the same totals, each one line of JSON padded with spaces to whole pages.

    A write goes over both in place and is synced once: a third of the time of a new file, its name and its folder.
    A power cut in its midst spoils one copy, or leaves the copies of two writes; what was synced before, or what was
    being written, is then read from the other, and never anything older. So totals that a signature rests on are lost
    only when both copies are, and that is refused.
    """

    def __init__(self, folder: Path, wallet: str) -> None:
        self.path = folder / f"{wallet}.json"
        self._write: int | None = None
        """The last one there was; None before the file was read."""
        self._is_whole = False
        """Both copies are those of the last write: one may be written over while the other stands."""

    def read(self, chain_id: int, address: Address) -> WalletTotals:
        """What is on disk, or fresh totals when there is no file. Raises BadConfiguration for any other finding."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return WalletTotals(chain_id=chain_id, address=address)
        except OSError as error:
            raise BadConfiguration(f"{self.path} cannot be read: {error.strerror}") from error
        self._write, totals = self._newest(content)
        if totals.address != address or totals.chain_id != chain_id:
            raise BadConfiguration(
                f"{self.path} holds the totals of {to_checksum(totals.address)} on chain {totals.chain_id}, this wallet"
                f" is {to_checksum(address)} on chain {chain_id}: point BOT_DATA_DIR elsewhere, or move the file away"
            )
        return totals

    def write(self, totals: WalletTotals) -> None:
        """Returns once `totals` would survive a power cut; raises OSError otherwise."""
        write = (self._write or 0) + 1
        text = msgspec.json.encode(totals)
        copy = msgspec.json.encode(_Copy(SCHEMA, write, _check(write, text), msgspec.Raw(text)))
        is_whole, self._is_whole = self._is_whole, False
        if not is_whole or not self._written_over(copy):
            self._replace(_padded(copy, (len(copy) // PAGE_BYTES + 1) * PAGE_BYTES))
        self._write, self._is_whole = write, True

    def _written_over(self, copy: bytes) -> bool:
        """False when there is no file of ours to write over, or no room in it."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            size = os.fstat(descriptor).st_size
            if size % (2 * PAGE_BYTES) or size // 2 <= len(copy):
                return False
            written = os.pwrite(descriptor, _padded(copy, size // 2), 0)
            if written != size:
                raise OSError(errno.ENOSPC, f"{written} of {size} bytes were written")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _replace(self, content: bytes) -> None:
        """The file anew, by rename, after its bytes and before its name are synced to disk."""
        fresh = self.path.with_suffix(".json.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(descriptor)
        fresh.replace(self.path)
        _sync_folder(self.path.parent)

    def _newest(self, content: bytes) -> tuple[int, WalletTotals]:
        half, odd = divmod(len(content), 2 * PAGE_BYTES)
        if odd or not half:
            raise self._corrupt(f"{len(content)} bytes, it has a multiple of {2 * PAGE_BYTES}")
        half *= PAGE_BYTES
        readable, problems = [], []
        for copy in (content[:half], content[half:]):
            try:
                readable.append(_decode(copy))
            except ValueError as error:  # msgspec's own, and bytes that are no UTF-8
                problems.append(str(error))
        if not readable:
            raise self._corrupt(problems[0])
        self._is_whole = content[:half] == content[half:]
        newest, oldest = max(readable, key=_write_of), min(readable, key=_write_of)
        if newest[0] - oldest[0] > 1 or (newest[0] == oldest[0] and newest != oldest):
            raise self._corrupt(f"its copies are of the writes {oldest[0]} and {newest[0]}, and differ")
        return newest

    def _corrupt(self, why: str) -> BadConfiguration:
        return BadConfiguration(
            f"{self.path} is not what the signer wrote ({why}). Without it the day's spend and the signed nonces are"
            " unknown: restore it from a back-up; or make sure on chain that no payload of this wallet is unlanded,"
            " then move it away to start from zero"
        )


def _decode(copy: bytes) -> tuple[int, WalletTotals]:
    """Raises ValueError unless it is a whole copy."""
    text = copy.rstrip(b" \n")
    if copy != text.ljust(len(copy) - 1) + b"\n":
        raise ValueError("a copy does not end as it was written")
    file = msgspec.json.decode(text, type=_Copy)
    if file.schema != SCHEMA:
        raise ValueError(f"schema {file.schema}, this program writes {SCHEMA}")
    if file.check != _check(file.write, bytes(file.totals)):
        raise ValueError("its check does not match its content")
    return file.write, msgspec.json.decode(file.totals, type=WalletTotals)


def _write_of(read: tuple[int, WalletTotals]) -> int:
    return read[0]


def _check(write: int, totals: bytes) -> bytes:
    return keccak(b"%d %b" % (write, totals))


def _padded(copy: bytes, size: int) -> bytes:
    """Twice, each in `size` bytes of which the last is a line end."""
    return 2 * (copy.ljust(size - 1) + b"\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
