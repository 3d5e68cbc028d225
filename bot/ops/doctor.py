"""What must be true before the first tick, each checked against the thing itself. Changes nothing, signs nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from bot.chain.relay_rows import relay_url, row_named
from bot.chain.rpc import redact_url
from bot.core.errors import BadConfiguration, Halted, StopTheBot, Unreachable
from bot.core.identity import Address, BlockRef, WalletName, address_from_hex, hex_bytes, keccak, to_checksum
from bot.core.ports import ChainReader, Clock
from bot.core.quantities import format_ether
from bot.core.result import Ok, Reverted, Unknown, in_words
from bot.core.signer_protocol import HelloReply, WalletStatus
from bot.core.units import Nanoseconds
from bot.journal.queries import WalletHistory
from bot.settings import Settings

HEADS_TRIED = 3
SIGNER_START = Nanoseconds(15_000_000_000)
SIGNER_RETRY = Nanoseconds(100_000_000)
CONNECT_LIMIT = Nanoseconds(3_000_000_000)


class Greeter(Protocol):
    """The part of the signer's client that the doctor needs."""

    async def hello(self) -> Ok[HelloReply] | Reverted | Unknown: ...


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found as it must be."""

    subject: str
    found: str


async def check_chain(settings: Settings, reader: ChainReader) -> AsyncIterator[Finding]:
    """The node, its chain, and the code at every address the profile relies on. Raises StopTheBot at the first fault."""
    url = redact_url(settings.variables.rpc_url)
    chain_id = await reader.chain_id()
    head = await reader.head()
    if not isinstance(chain_id, Ok) or not isinstance(head, Ok):
        raise Unreachable(
            f"BOT_RPC_URL: the node at {url} does not answer ({in_words(chain_id)}); start it or correct the URL"
        )
    if chain_id.value != settings.chain.chain_id:
        raise BadConfiguration(
            f"BOT_RPC_URL: the node at {url} is on chain {chain_id.value}, but BOT_CHAIN={settings.variables.chain} is chain "
            f"{settings.chain.chain_id}; change one of them"
        )
    yield Finding("node", f"{url}, chain {chain_id.value}, block {head.value.number}")
    relied_on = _relied_on(settings)
    others: list[str] = []

    async def examine(at: BlockRef) -> None:
        checked = [await _check_code(settings, reader, name, one, at) for name, one in relied_on.items()]
        others[:] = [other for other in checked if other is not None]

    await _at_a_lasting_block(reader, examine)
    found = f"code at all {len(relied_on)}"
    yield Finding("addresses", f"{found}; not the profile's code: {', '.join(others)}" if others else found)


async def check_executor(
    settings: Settings, reader: ChainReader, wallets: Mapping[WalletName, Address]
) -> AsyncIterator[Finding]:
    """The Executor says what the settings say, and knows every wallet as its operator."""
    executor, recipient = settings.variables.executor, settings.variables.profit_recipient
    assert executor is not None
    assert recipient is not None
    await _at_a_lasting_block(reader, lambda at: _examine_executor(settings, reader, wallets, at))
    yield Finding("Executor", f"{to_checksum(executor)}, profit to {to_checksum(recipient)}")


async def _at_a_lasting_block(reader: ChainReader, examine: Callable[[BlockRef], Awaitable[None]]) -> None:
    """A reorg at this very moment leaves a block without answers: then all is asked again of the new head."""
    for attempt in range(1, HEADS_TRIED + 1):
        head = await reader.head()
        if not isinstance(head, Ok):
            raise Unreachable(f"the newest block cannot be read: {in_words(head)}")
        try:
            await examine(head.value.ref)
        except StopTheBot:
            now = await reader.head_by_number(head.value.number)
            has_left = isinstance(now, Ok) and (now.value is None or now.value.hash != head.value.hash)
            if attempt == HEADS_TRIED or not has_left:
                raise
        else:
            return


async def _examine_executor(
    settings: Settings, reader: ChainReader, wallets: Mapping[WalletName, Address], at: BlockRef
) -> None:
    executor, recipient = settings.variables.executor, settings.variables.profit_recipient
    assert executor is not None
    assert recipient is not None
    facts = (("WETH()", settings.chain.weth.address), ("recipient()", recipient))
    for signature, expected in facts:
        answer = await reader.call(executor, keccak(signature.encode())[:4], at)
        found = _address(answer)
        if found != expected:
            raise BadConfiguration(
                f"BOT_EXECUTOR: {signature} of {to_checksum(executor)} is {to_checksum(found) if found else in_words(answer)}, "
                f"expected {to_checksum(expected)}; correct BOT_PROFIT_RECIPIENT or BOT_EXECUTOR"
            )
    if await _flag(reader, executor, keccak(b"paused()")[:4], at):
        raise Halted(
            f"the Executor {to_checksum(executor)} is paused; its owner can resume it with set_paused(false)"
        )
    for name, address in wallets.items():
        call = keccak(b"operators(address)")[:4] + bytes(12) + address
        if not await _flag(reader, executor, call, at):
            raise BadConfiguration(
                f"wallet {name} ({to_checksum(address)}) is no operator of the Executor {to_checksum(executor)}; "
                "its owner can add it with set_operator"
            )


async def check_wallets(reader: ChainReader, wallets: Mapping[WalletName, Address]) -> AsyncIterator[Finding]:
    """Every wallet holds gas money."""
    findings: list[Finding] = []

    async def examine(at: BlockRef) -> None:
        findings.clear()
        for name, address in wallets.items():
            balance = await reader.balance(address, at)
            if not isinstance(balance, Ok):
                raise Unreachable(f"the balance of wallet {name} cannot be read: {in_words(balance)}")
            if balance.value == 0:
                raise BadConfiguration(
                    f"wallet {name} ({to_checksum(address)}) is empty: it holds 0 wei; send it gas money"
                )
            held = f"{to_checksum(address)}, {format_ether(balance.value)}"
            findings.append(Finding(f"wallet {name}", held))

    await _at_a_lasting_block(reader, examine)
    for finding in findings:
        yield finding


async def check_relays(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Which relays take a connection; no request is made. Raises Unreachable when none that drops reverts does."""
    protected = 0
    faults: list[str] = []
    for name, relay in settings.relays.items():
        row = row_named(name)
        url = relay_url(row, relay.url, loopback_only=settings.chain.is_throwaway)
        fault = await connection_fault(url, clock)
        if fault is None:
            kind = "drops reverts" if row.drops_reverts else "mines reverts: gets no plan that can revert"
            protected += row.drops_reverts
            yield Finding(f"relay {name}", f"{urlsplit(url).netloc}, {kind}")
        else:
            faults.append(f"relay {name} at {fault}")
            yield Finding(f"relay {name}", f"DOWN: {fault}")
    if not protected and settings.sends:
        said = "; ".join(faults) or "none is configured that drops reverts"
        raise Unreachable(
            f"no relay that drops reverts can be reached: {said}; correct BOT_RELAYS or its URL"
        )


async def connection_fault(url: str, clock: Clock) -> str | None:
    """Why its host takes no connection; None: it does. Nothing is said on it."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    try:
        opened = await clock.within(CONNECT_LIMIT, asyncio.open_connection(parts.hostname, port))
    except OSError as error:
        return f"{parts.hostname}:{port} takes no connection ({error.strerror or error})"
    if isinstance(opened, Unknown):
        return f"{parts.hostname}:{port} takes no connection ({opened.cause})"
    opened.value[1].close()
    return None


async def greet_signer(settings: Settings, signer: Greeter, clock: Clock) -> HelloReply:
    """The signer's own account of itself; waited for some seconds, since it may be starting."""
    answer: Ok[HelloReply] | Reverted | Unknown = Unknown("not asked")
    until = clock.monotonic() + SIGNER_START
    while clock.monotonic() < until:
        answer = await signer.hello()
        if isinstance(answer, Ok):
            break
        await clock.sleep(SIGNER_RETRY)
    if not isinstance(answer, Ok):
        raise Unreachable(
            f"no signer at {settings.signer_socket} ({in_words(answer)}); start it with `scripts/bot signer`"
        )
    reply = answer.value
    if reply.halted is not None:
        raise Halted(
            f"the signer is halted: {reply.halted}; find out why, then remove the HALT file of the data folder"
        )
    if reply.chain_id != settings.chain.chain_id:
        raise BadConfiguration(
            f"the signer is for chain {reply.chain_id}, the bot for {settings.chain.chain_id}; restart it"
        )
    known = {wallet.name for wallet in reply.wallets}
    missing = [name for name in settings.wallets if name not in known]
    if missing:
        raise BadConfiguration(
            f"the signer has no wallet {', '.join(missing)}; restart it with the same BOT_WALLETS"
        )
    return reply


def check_counters(wallet: WalletStatus, history: WalletHistory, data_dir: Path) -> None:
    """The journal against the signer's own durable counters: whichever is behind was truncated or restored from old.

    Raises BadConfiguration with the way out.
    """
    last, known = wallet.last_signed_nonce, history.highest_nonce
    if last is not None and (known is None or last > known):
        raise BadConfiguration(
            f"the journal in {data_dir} knows nonces of wallet {wallet.name} up to {known}, the signer signed {last}: the "
            f"journal is behind (truncated, or restored from an old copy); put the newest journal back, or start in a new "
            f"BOT_DATA_DIR with a new key"
        )
    if wallet.counter < history.payloads:
        raise BadConfiguration(
            f"the signer counts {wallet.counter} signatures of wallet {wallet.name}, the journal in {data_dir} holds "
            f"{history.payloads}: the signer's totals are behind; put the newest folder {data_dir / 'signer'} back"
        )


def keystore_addresses(settings: Settings) -> dict[WalletName, Address]:
    """The public address written in each keystore, for `simulate`, which asks no signer. The key is not touched."""
    addresses: dict[WalletName, Address] = {}
    for name, wallet in settings.wallets.items():
        try:
            text = str(json.loads(wallet.keystore.read_text())["address"])
            addresses[WalletName(name)] = address_from_hex("0x" + text.removeprefix("0x").lower())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadConfiguration(
                f"BOT_WALLET_{name.upper()}__KEYSTORE={wallet.keystore}: no address can be read from it ({error})"
            ) from error
    return addresses


def _relied_on(settings: Settings) -> dict[str, Address]:
    chain = settings.chain
    named = {f"token {token.symbol}": token.address for token in chain.tokens}
    named |= {f"factory of {venue.name}": venue.factory for venue in chain.venues}
    named["Multicall3"] = chain.multicall3
    if settings.variables.executor is not None:
        named["Executor (BOT_EXECUTOR)"] = settings.variables.executor
    return named


async def _check_code(
    settings: Settings, reader: ChainReader, name: str, address: Address, at: BlockRef
) -> str | None:
    """The name, if the code is not the profile's and no harm can come of it: watched, or forked, it is told of."""
    code = await reader.code(address, at)
    if not isinstance(code, Ok):
        raise Unreachable(f"the code of {name} at {to_checksum(address)} cannot be read: {in_words(code)}")
    if not code.value:
        raise BadConfiguration(
            f"{name}: no code at {to_checksum(address)} on chain {settings.chain.chain_id}; "
            "is this node synced, and the address meant for this chain?"
        )
    expected = settings.chain.code_hashes.get(address)
    found = keccak(code.value)
    if expected is None or found == expected:
        return None
    if settings.sends and settings.variables.chain != "fork":
        raise BadConfiguration(
            f"{name}: the code at {to_checksum(address)} has hash {hex_bytes(found)}, expected {hex_bytes(expected)}; "
            "this is not the contract the profile was written for"
        )
    return name


def _address(answer: Ok[bytes] | Reverted | Unknown) -> Address | None:
    if isinstance(answer, Ok) and len(answer.value) == 32:
        return Address(answer.value[12:])
    return None


async def _flag(reader: ChainReader, to: Address, call: bytes, at: BlockRef) -> bool:
    answer = await reader.call(to, call, at)
    if not isinstance(answer, Ok) or len(answer.value) != 32:
        raise Unreachable(
            f"the Executor {to_checksum(to)} does not answer {hex_bytes(call[:4])}: {in_words(answer)}"
        )
    return any(answer.value)
