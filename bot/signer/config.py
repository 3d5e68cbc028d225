"""What the signer process is told at its start, and cannot be told otherwise while it runs."""

from pathlib import Path

import msgspec

from bot.core.identity import Address, WalletName
from bot.core.units import Bps, Gas, Wei, WeiPerGas


class SignerLimits(msgspec.Struct, frozen=True):
    """Per wallet, over the decoded bytes. The engine has limits of its own; these hold whatever the engine says."""

    fee_per_gas: WeiPerGas
    """Highest `max_fee_per_gas`."""
    gas_per_tx: Gas
    gas_spend_per_day: Wei
    """Sum over the nonces open or closed in a UTC day or closed the day before, each at the worst cost of its dearest
    payload. Of executions; cancellations may cost as much again."""
    calldata_bytes: int = 8 * 1024
    """Eight cycles of four hops are 4.5 KB."""
    window_blocks: int = 8
    """Widest block window of an execution, both ends included."""
    window_ahead_blocks: int = 64
    """A window begins at most this many blocks after the reported one."""


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
    weth: Address
    """The one base token: gain, payment and gas are compared in wei."""
    wallets: tuple[SignerWallet, ...]
    socket_path: Path
    """In a folder of its own, which is made with mode 0700. At most 107 bytes."""
    totals_dir: Path
    """Where the durable totals live: `signer/` of the data folder."""
    halt_file: Path
    """`HALT` of the data folder."""
    priority_fee_cap: WeiPerGas = WeiPerGas(0)
    """Of an execution. What is burnt is lost to all; what is tipped goes to the builder, whoever that is."""
    payment_share: Bps = Bps(9_000)
    """The most of a plan's gross gain that may be paid to the builder."""
    gas_spend_per_day: Wei | None = None
    """Over all wallets together; None: each wallet's own limit alone."""
