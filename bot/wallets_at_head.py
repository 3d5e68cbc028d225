"""The wallets as the chain has them at one head, and the signer told of it."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from bot.carry_out import WalletAtHead
from bot.core.identity import ZERO_ADDRESS, Address, WalletName
from bot.core.messages import Head
from bot.core.ports import ChainReader, Signer
from bot.core.result import Ok, in_words
from bot.core.units import Wei
from bot.execution.nonce_line import NonceLine
from bot.risk.ledger import Ledger

log = structlog.get_logger()

NOBODY = WalletName("nobody")
"""In observe there is no wallet: plans are built on nonce 0 of the zero address, explained, and go no further."""


async def wallets_at(
    head: Head, reader: ChainReader, lines: Mapping[WalletName, tuple[Address, NonceLine]], ledger: Ledger
) -> list[WalletAtHead]:
    """Nonce and balance of every wallet at this very block; what could not be read is Unknown, and denies."""
    if not lines:
        return [WalletAtHead(NOBODY, ZERO_ADDRESS, NonceLine(NOBODY), Ok(0), Ok(Wei(0)))]
    reads = await asyncio.gather(
        *(
            asyncio.gather(reader.transaction_count(address, head.ref), reader.balance(address, head.ref))
            for address, _ in lines.values()
        )
    )
    wallets = [
        WalletAtHead(name, address, line, count, balance)
        for (name, (address, line)), (count, balance) in zip(lines.items(), reads, strict=True)
    ]
    for wallet in wallets:
        if isinstance(wallet.count, Ok):
            wallet.line.note_count(wallet.count.value, head.ref)
            ledger.note_next_nonce(wallet.name, wallet.count.value)
    return wallets


async def tell_signer(signer: Signer | None, wallets: Sequence[WalletAtHead], head: Head) -> None:
    for wallet in wallets:
        if signer is None or not isinstance(wallet.count, Ok):
            continue
        told = await signer.report_nonce(wallet.name, wallet.count.value, head.number)
        if not isinstance(told, Ok):
            words = in_words(told)
            log.warning("signer.nonce_not_told", wallet=wallet.name, count=wallet.count.value, answer=words)
