"""What the signer process is told at its start, and cannot be told otherwise while it runs."""

from pathlib import Path

import msgspec

from bot.core.identity import Address, WalletName
from bot.core.units import Gas, Wei, WeiPerGas


class SignerLimits(msgspec.Struct, frozen=True):
    """Per wallet, over the decoded bytes. The engine has limits of its own; these hold whatever the engine says."""

    fee_per_gas: WeiPerGas
    """Highest `max_fee_per_gas`."""
    gas_per_tx: Gas
    gas_spend_per_day: Wei
    """Sum over the nonces signed in a UTC day, each at the worst cost of its dearest payload."""
    calldata_bytes: int = 8 * 1024
    """Eight cycles of four hops are 4.5 KB."""
    window_blocks: int = 8
    """Widest block window of an execution, both ends included."""


class SignerWallet(msgspec.Struct, frozen=True):
    name: WalletName
    keystore: Path
    """V3 JSON."""
    password_file: Path | None
    """None: the password is asked for on the terminal."""
    limits: SignerLimits


class SignerConfig(msgspec.Struct, frozen=True):
    chain_id: int
    is_throwaway_chain: bool
    """A local market or a fork: only keystores marked throwaway are opened, and elsewhere they are refused."""
    executors: frozenset[Address]
    """The contracts that may be called."""
    wallets: tuple[SignerWallet, ...]
    socket_path: Path
    """In a folder of its own, which is made with mode 0700. At most 107 bytes."""
    totals_dir: Path
    """Where the durable totals live: `signer/` of the data folder."""
    halt_file: Path
    """`HALT` of the data folder."""
