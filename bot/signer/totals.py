"""What a wallet has signed so far, on disk before the next signature leaves."""

import os
from pathlib import Path

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.identity import Address, keccak, to_checksum
from bot.core.units import Wei

SCHEMA = 1


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
    last_first_block: int = 0
    """First block of the window signed last."""
    day: int = 0
    """Days since 1970-01-01 UTC; it never goes back, whatever the clock does."""
    closed_spend: Wei = Wei(0)
    """Worst cost of the nonces signed in `day` and used since."""
    open_spend: dict[int, Wei] = {}
    """Unused nonce to the worst cost of its dearest payload."""

    def spend_with(self, nonce: int, worst_cost: Wei) -> Wei:
        """The day's spend if a payload of `worst_cost` were signed at `nonce`: a nonce counts once, at its dearest."""
        others = sum(cost for other, cost in self.open_spend.items() if other != nonce)
        return Wei(self.closed_spend + others + max(worst_cost, self.open_spend.get(nonce, 0)))

    def on_day(self, today: int) -> "WalletTotals":
        """The same on a new day: what is still unlanded can cost today, so it is carried over."""
        if today <= self.day:
            return self
        return msgspec.structs.replace(self, day=today, closed_spend=Wei(0))

    def with_next_nonce(self, next_nonce: int) -> "WalletTotals":
        """After the chain's count was reported. A used nonce keeps counting for its day, also if a reorg reopens it."""
        used = sum(cost for nonce, cost in self.open_spend.items() if nonce < next_nonce)
        return msgspec.structs.replace(
            self,
            next_nonce=next_nonce,
            closed_spend=Wei(self.closed_spend + used),
            open_spend={nonce: cost for nonce, cost in self.open_spend.items() if nonce >= next_nonce},
        )

    def with_signature(self, nonce: int, worst_cost: Wei, first_block: int | None) -> "WalletTotals":
        """After one more payload; `first_block` is None for a cancellation."""
        dearest = Wei(max(worst_cost, self.open_spend.get(nonce, 0)))
        return msgspec.structs.replace(
            self,
            counter=self.counter + 1,
            last_signed_nonce=max(nonce, self.last_signed_nonce or 0),
            last_first_block=self.last_first_block if first_block is None else first_block,
            open_spend=self.open_spend | {nonce: dearest},
        )


class _TotalsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    check: bytes
    """keccak of the bytes of `totals`."""
    totals: msgspec.Raw


class TotalsFile:
    """`<wallet>.json`: replaced whole, by rename, after its bytes and before its name are synced to disk."""

    def __init__(self, folder: Path, wallet: str) -> None:
        self.path = folder / f"{wallet}.json"

    def read(self, chain_id: int, address: Address) -> WalletTotals:
        """What is on disk, or fresh totals when there is no file. Raises BadConfiguration for any other finding."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return WalletTotals(chain_id=chain_id, address=address)
        except OSError as error:
            raise BadConfiguration(f"{self.path} cannot be read: {error.strerror}") from error
        totals = self._decode(content)
        if totals.address != address or totals.chain_id != chain_id:
            raise BadConfiguration(
                f"{self.path} holds the totals of {to_checksum(totals.address)} on chain {totals.chain_id}, this wallet"
                f" is {to_checksum(address)} on chain {chain_id}: point BOT_DATA_DIR elsewhere, or move the file away"
            )
        return totals

    def write(self, totals: WalletTotals) -> None:
        """Returns once `totals` would survive a power cut; raises OSError otherwise."""
        content = msgspec.json.encode(totals)
        file = _TotalsFile(SCHEMA, keccak(content), msgspec.Raw(content))
        fresh = self.path.with_suffix(".json.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(file))
            out.flush()
            os.fsync(descriptor)
        fresh.replace(self.path)
        _sync_folder(self.path.parent)

    def _decode(self, content: bytes) -> WalletTotals:
        try:
            file = msgspec.json.decode(content, type=_TotalsFile)
            if file.schema != SCHEMA:
                raise self._corrupt(f"schema {file.schema}, this program writes {SCHEMA}")
            if file.check != keccak(bytes(file.totals)):
                raise self._corrupt("its check does not match its content")
            return msgspec.json.decode(file.totals, type=WalletTotals)
        except ValueError as error:  # msgspec's own, and bytes that are no UTF-8
            raise self._corrupt(str(error)) from None

    def _corrupt(self, why: str) -> BadConfiguration:
        return BadConfiguration(
            f"{self.path} is not what the signer wrote ({why}). Without it the day's spend and the signed nonces are"
            " unknown: restore it from a back-up; or make sure on chain that no payload of this wallet is unlanded,"
            " then move it away to start from zero"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
