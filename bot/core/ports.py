"""The seams: what the program needs of the world, as small Protocols. Adapters are made in compose.py alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from bot.core.decisions import Approved, BlockEnvironment, Bundle
from bot.core.identity import Address, BlockHash, BlockRef, TxHash, WalletName
from bot.core.messages import ChainEvent, Head, Log
from bot.core.pending import Behind
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    LedgerEntry,
    OpenIntent,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import BidBy, RouteStanding
from bot.core.transaction import SignedTransaction, TransactionFields
from bot.core.units import Gas, Nanoseconds, Wei, WeiPerGas

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time. Every time-out goes through it, so that the market can run in lockstep."""

    def utc(self) -> Nanoseconds: ...

    def monotonic(self) -> Nanoseconds: ...

    async def sleep(self, duration: Nanoseconds) -> None: ...

    async def within(self, limit: Nanoseconds, work: Awaitable[T]) -> Ok[T] | Unknown:
        """The result of `work`, or Unknown once `limit` has passed (the work is cancelled)."""
        ...


RpcResult = Ok[Any] | Reverted | Unknown
"""Ok: the `result` member. Reverted: the node answered with an error (message, revert data). Unknown: no answer."""


class JsonRpc(Protocol):
    """One JSON-RPC endpoint."""

    async def request(self, method: str, params: Sequence[object]) -> RpcResult: ...

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        """Answers in the order of `calls`, whatever order the node chose."""
        ...

    async def close(self) -> None: ...


class RpcSession(JsonRpc, Protocol):
    """A JSON-RPC connection that also pushes (websocket or IPC)."""

    async def request_undecoded(
        self, method: str, params: Sequence[object]
    ) -> Ok[msgspec.Raw] | Reverted | Unknown:
        """As `request`; the `result` member is the JSON text that came, for a decoder that knows its shape."""
        ...

    async def subscribe(
        self, params: Sequence[object], deliver: Callable[[Any], None]
    ) -> Ok[str] | Reverted | Unknown:
        """eth_subscribe; `deliver` gets each notification's result, in order, on the loop. Ok carries the id."""
        ...

    async def closed(self) -> str:
        """Returns, with the reason, when the connection is gone."""
        ...


class ChainFeed(Protocol):
    """Blocks in order, gaps filled, reorgs said."""

    def events(self) -> AsyncIterator[ChainEvent]: ...


class Receipt(msgspec.Struct, frozen=True):
    tx_hash: TxHash
    block: BlockRef
    succeeded: bool
    gas_used: Gas
    effective_gas_price: WeiPerGas
    logs: tuple[Log, ...]
    l1_fee: Wei = Wei(0)
    """What a rollup took on top of gas: for its data, and its operator's fee."""


class MinedTransaction(msgspec.Struct, frozen=True):
    """One transaction of a mined block, as the post-mortem needs it."""

    hash: TxHash
    sender: Address
    to: Address | None
    nonce: int
    index: int
    value: Wei = Wei(0)
    input_size: int = 0
    """Bytes of calldata, or of a creation's code."""


class SimulatedCall(msgspec.Struct, frozen=True):
    gas_used: Gas
    logs: tuple[Log, ...]


class ChainReader(Protocol):
    """Reads at one named block; a read that failed is Unknown, never a zero."""

    async def chain_id(self) -> Ok[int] | Reverted | Unknown: ...

    async def head(self) -> Ok[Head] | Reverted | Unknown: ...

    async def head_by_hash(self, block: BlockHash) -> Ok[Head | None] | Reverted | Unknown: ...

    async def head_by_number(self, number: int) -> Ok[Head | None] | Reverted | Unknown: ...

    async def code(self, address: Address, at: BlockRef) -> Ok[bytes] | Reverted | Unknown: ...

    async def call(self, to: Address, data: bytes, at: BlockRef) -> Ok[bytes] | Reverted | Unknown: ...

    async def call_with_code(
        self, to: Address, code: bytes, data: bytes, at: BlockRef
    ) -> Ok[bytes] | Reverted | Unknown:
        """As `call`, with `code` at `to` for the length of the call. Unknown where the node overrides no state."""
        ...

    async def transaction_count(self, address: Address, at: BlockRef) -> Ok[int] | Reverted | Unknown: ...

    async def balance(self, address: Address, at: BlockRef) -> Ok[Wei] | Reverted | Unknown: ...

    async def logs(
        self, block: BlockHash, topics: Sequence[bytes]
    ) -> Ok[tuple[Log, ...]] | Reverted | Unknown: ...

    async def logs_of(
        self, emitter: Address, topic: bytes, first_block: int, last_block: int
    ) -> Ok[tuple[Log, ...]] | Reverted | Unknown:
        """One contract's logs with this first topic, in chain order, of the blocks that are canonical just now."""
        ...

    async def receipt(self, tx: TxHash) -> Ok[Receipt | None] | Reverted | Unknown: ...

    async def transactions(
        self, block: BlockHash
    ) -> Ok[tuple[MinedTransaction, ...]] | Reverted | Unknown: ...

    async def receipts(self, block: BlockHash) -> Ok[tuple[Receipt, ...]] | Reverted | Unknown:
        """Of every transaction of one block, in its order."""
        ...

    async def withdrawn(self, block: BlockHash, to: Address) -> Ok[Wei] | Reverted | Unknown:
        """What the block itself credited to `to`: stake that was withdrawn (EIP-4895), no transaction shows it."""
        ...


class Simulator(Protocol):
    async def simulate(
        self,
        transaction: TransactionFields,
        sender: Address,
        on: BlockRef,
        environment: BlockEnvironment,
        behind: Behind | None = None,
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """Run the transaction in the next block: as the only one, or right behind another.

        The caller has checked nonce, fee and balance. Reverted is the transaction's own word; one that goes before
        it and fails is Unknown: nothing is known of ours then.
        """
        ...


class BundleRoute(Protocol):
    """A way to a block builder."""

    @property
    def name(self) -> str: ...

    @property
    def drops_reverts(self) -> bool:
        """The route promises that a transaction that reverts is not mined."""
        ...

    @property
    def takes_hints(self) -> bool:
        """Knows `mev_sendBundle`: can put ours behind a transaction that is known by its hash alone."""
        ...

    @property
    def honours(self) -> frozenset[BidBy]:
        """By what a bid counts here."""
        ...

    @property
    def is_usable(self) -> bool:
        """False: given nothing until it is tried again. `standing` says why."""
        ...

    @property
    def standing(self) -> RouteStanding:
        """How it has behaved."""
        ...

    def why_refused(self, bundle: Bundle) -> str | None:
        """Why a bundle of this shape cannot be said to it; None: it can. Asked before there is a signature."""
        ...

    async def send(self, bundle: Bundle) -> Ok[str] | Reverted | Unknown:
        """Ok carries the bundle hash. Accepted is not landed."""
        ...

    async def cancel(self, replacement_uuid: str) -> Ok[None] | Reverted | Unknown: ...


class Signer(Protocol):
    async def sign(self, approved: Approved) -> Ok[SignedTransaction] | Reverted | Unknown:
        """Reverted: the signer's own policy refused, with its reason."""
        ...

    async def addresses(self) -> Ok[dict[WalletName, Address]] | Reverted | Unknown: ...

    async def report_nonce(
        self, wallet: WalletName, next_nonce: int, block_number: int
    ) -> Ok[None] | Reverted | Unknown:
        """Tell the chain's transaction count at a block: the signer signs at this nonce, for the blocks after it."""
        ...


class Journal(Protocol):
    """Each `record_*` returns once the record is on disk (SQLite: WAL, synchronous=FULL)."""

    async def record_run(self, run: RunRecord) -> None: ...

    async def record_intent(self, intent: IntentRecord) -> None: ...

    async def record_drop(self, drop: DropRecord) -> None: ...

    async def record_payload(self, payload: PayloadRecord) -> None: ...

    async def record_attempt(self, attempt: AttemptRecord) -> None: ...

    async def record_outcome(self, outcome: OutcomeRecord) -> None: ...

    async def record_block(self, block: BlockRecord) -> None: ...

    async def open_intents(self) -> list[OpenIntent]: ...

    async def ledger_entries(self, since: Nanoseconds) -> list[LedgerEntry]:
        """Finished intents recorded at or after `since` (UTC), oldest first."""
        ...
