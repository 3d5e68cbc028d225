"""The market's MEV-Share node: private transactions out of which hints are published, and the bundles behind them.

A transaction that is handed in goes to the private pool, where builders take it whether somebody stands behind it or
not, and its hint to the stream. A back-run names it by the hash of the hint; found, the two are a bundle like any
other (relays.md section 3). What was revealed of which transaction is written to `private_flow.jsonl`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bot.core.identity import Address, TxHash, hex_bytes, to_checksum
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock, GroupOutcome, SimulationRefusedError, simulate
from bot.world.block_story import JsonLines
from bot.world.bundle_book import Submission
from bot.world.hint_rules import DEFAULT_HINTS, Hints, hint_json, hints_of, matching_hash
from bot.world.json_rpc import invalid_params, refused
from bot.world.mev_share_bundle import Inclusion, ShareBundle, read_share_bundle
from bot.world.mev_share_simulation import simulate_share_bundle
from bot.world.mev_share_stream import HintStream
from bot.world.raw_transaction import RawTransaction, decode_hex
from bot.world.relay import Call, Relay
from bot.world.relay_kinds import Endpoint
from bot.world.relay_requests import only_object, read_private_transaction, read_uuid
from bot.world.transaction_checks import read_accounts

ENDPOINT: Endpoint = "market-share"
_MOST_REMEMBERED = 20_000
"""Hinted transactions, landed ones too; the oldest are forgotten first."""


class HintRecord(msgspec.Struct, frozen=True, tag="hint", tag_field="kind"):
    """What one hint said and what it hid. Logs and gas are those of a run alone on the head."""

    for_block: int
    matching_hash: str
    tx_hash: str
    sender: str
    hints: tuple[str, ...]
    event: dict[str, Any] | None
    """As published; None where nothing was: no hint wanted, or it fails on the head."""
    succeeded: bool
    gas_used: int
    logs: tuple[Mapping[str, Any], ...]


class BackRunRecord(msgspec.Struct, frozen=True, tag="back_run", tag_field="kind"):
    """A bundle accepted behind a hinted transaction."""

    at_head: int
    first_block: int
    last_block: int
    matching_hash: str
    tx_hash: str
    back_run: str
    signer: str
    answered_hash: str
    """Of the answer to mev_sendBundle."""
    bundle_hash: str
    """As in `builder.jsonl`."""


class _Held(msgspec.Struct, frozen=True):
    tx: RawTransaction
    signer: Address
    inclusion: Inclusion
    hints: Hints


class MevShareNode:
    """Serves its methods at the relay's endpoint. `next_block` tells the block being built on the head."""

    def __init__(
        self,
        anvil: Anvil,
        relay: Relay,
        next_block: Callable[[], BuildingBlock],
        stream: HintStream,
        log: JsonLines,
    ) -> None:
        self._anvil = anvil
        self._relay = relay
        self._private = relay.pools.private
        self._next_block = next_block
        self._log = log
        self._held: dict[bytes, _Held] = {}
        """By matching hash."""
        self.stream = stream
        relay.serve(
            ENDPOINT,
            {
                "eth_sendPrivateTransaction": self._send_private,
                "eth_sendPrivateRawTransaction": self._send_private,
                "eth_cancelPrivateTransaction": self._cancel_private,
                "mev_sendBundle": self._send_bundle,
                "mev_simBundle": self._sim_bundle,
                "eth_cancelBundle": self._cancel_bundle,
            },
        )

    @property
    def _head(self) -> int:
        return self._next_block().number - 1

    def open_block(self) -> None:
        """A block is sealed: hints are for the next one, and what was tried for long enough is given up."""
        self.stream.open_block()
        for tx in self._private.in_order_of_arrival():
            held = self._held.get(matching_hash(tx))
            if held is None or held.inclusion.last_block <= self._head:
                self._private.forget(tx.hash)

    def close_block(self) -> None:
        """The market's own people have sent all they want to send for the next block."""
        self.stream.close_block(self._next_block().number)

    async def _send_private(self, call: Call, params: Sequence[Any]) -> str:
        """Take a transaction and publish its hint; its hash.

        Without a priority fee it is neither shared nor built.
        """
        submission = read_private_transaction(call.signer, params, self._head, call.kind.private_blocks)
        [tx] = submission.transactions
        hints = _wanted(params)
        if call.suffers("silent_drop") or call.suffers("never_built"):
            call.note = "forgotten"
        elif tx.max_priority_fee_per_gas > 0:
            accounts = await read_accounts(self._anvil, [tx.sender])
            self._private.add(tx, accounts[tx.sender])
            call.kept = True
            inclusion = Inclusion(submission.first_block, submission.last_block)
            self._remember(_Held(tx, call.signer, inclusion, hints))
            await self._share(tx, hints)
        return hex_bytes(tx.hash)

    async def _cancel_private(self, call: Call, params: Sequence[Any]) -> bool:
        """Whether the caller had this transaction here."""
        wanted = TxHash(decode_hex(only_object(params).get("txHash")))
        for key, held in self._held.items():
            if held.tx.hash == wanted and held.signer == call.signer:
                del self._held[key]
                return self._private.forget(wanted)
        return False

    async def _send_bundle(self, call: Call, params: Sequence[Any]) -> dict[str, str]:
        """Accept a bundle, a hash in it replaced by its transaction."""
        asked = read_share_bundle(params, self._head)
        uuid = read_uuid(params[0], call.kind)
        transactions, inclusion = asked.transactions, asked.inclusion
        held = self._found(asked)
        if held is not None:
            transactions, inclusion = (held.tx, *transactions), _meeting(inclusion, held.inclusion)
        submission = Submission(
            signer=call.signer,
            transactions=transactions,
            first_block=max(inclusion.first_block, self._head + 1),
            last_block=inclusion.last_block,
            may_revert=asked.may_revert,
            replacement_uuid=uuid,
        )
        self._relay.take(call, submission)
        if held is not None:
            self._record_back_run(asked, submission)
        return {"bundleHash": hex_bytes(asked.hash)}

    async def _cancel_bundle(self, call: Call, params: Sequence[Any]) -> bool:
        """True; an error where the caller has nothing open under that uuid."""
        uuid = read_uuid(only_object(params), call.kind)
        if uuid is None:
            raise invalid_params("replacementUuid is missing")
        if not self._relay.cancel(call, uuid):
            raise refused(f"no bundle of {to_checksum(call.signer)} is open under {uuid}")
        return True

    async def _sim_bundle(self, _: Call, params: Sequence[Any]) -> dict[str, Any]:
        """What a bundle would have done; behind a hinted transaction only once that has landed."""
        head = self._head
        options = params[0] if params and isinstance(params[0], dict) else {}
        # A landed transaction's bundle is of the past: its inclusion is not looked at.
        open_ended = {**options, "inclusion": {"block": hex(head + 1), "maxBlock": hex(head + 1)}}
        asked = read_share_bundle([open_ended], head)
        held = self._found(asked)
        auxiliary = params[1] if len(params) > 1 and isinstance(params[1], dict) else {}
        return await simulate_share_bundle(
            self._anvil,
            self._next_block(),
            None if held is None else held.tx,
            asked.transactions,
            asked.may_revert,
            auxiliary.get("parentBlock"),
        )

    def _found(self, asked: ShareBundle) -> _Held | None:
        """The transaction a bundle stands behind; None where it stands behind none."""
        if asked.matching_hash is None:
            return None
        held = self._held.get(asked.matching_hash)
        if held is None:
            raise refused("backrun not found")
        if "hash" not in held.hints:
            raise refused("backrun invalid bundle")
        return held

    def _remember(self, held: _Held) -> None:
        self._held[matching_hash(held.tx)] = held
        while len(self._held) > _MOST_REMEMBERED:
            del self._held[next(iter(self._held))]

    async def _share(self, tx: RawTransaction, hints: Hints) -> None:
        block = self._next_block()
        try:
            [outcome] = await simulate(self._anvil, block, [[tx]])
        except SimulationRefusedError:
            outcome = None
        event = None
        if "hash" in hints and outcome is not None and outcome.transactions[0].succeeded:
            logs, gas = outcome.transactions[0].logs, outcome.gas_used
            event = hint_json(tx, hints, logs, outcome.builder_gain // gas, gas)
            self.stream.publish(event)
        self._log.append(_hint_record(block.number, tx, hints, event, outcome))

    def _record_back_run(self, asked: ShareBundle, submission: Submission) -> None:
        theirs, ours = submission.transactions
        self._log.append(
            BackRunRecord(
                at_head=self._head,
                first_block=submission.first_block,
                last_block=submission.last_block,
                matching_hash=hex_bytes(matching_hash(theirs)),
                tx_hash=hex_bytes(theirs.hash),
                back_run=hex_bytes(ours.hash),
                signer=to_checksum(submission.signer),
                answered_hash=hex_bytes(asked.hash),
                bundle_hash=hex_bytes(submission.hash),
            )
        )


def _meeting(asked: Inclusion, possible: Inclusion) -> Inclusion:
    merged = asked.overlap(possible)
    if merged is None:
        raise refused("backrun invalid inclusion")
    return merged


def _wanted(params: Sequence[Any]) -> Hints:
    """The hints of `preferences.privacy.hints`: beside the transaction, or as the second parameter."""
    first = params[0] if params else None
    beside = first.get("preferences") if isinstance(first, dict) else params[1] if len(params) > 1 else None
    privacy = beside.get("privacy") if isinstance(beside, dict) else None
    names = privacy.get("hints") if isinstance(privacy, dict) else None
    if names is None:
        return DEFAULT_HINTS
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid_params("preferences.privacy.hints must be a list of names")
    try:
        return hints_of(names)
    except ValueError as error:
        raise invalid_params(str(error)) from error


def _hint_record(
    for_block: int, tx: RawTransaction, hints: Hints, event: dict[str, Any] | None, alone: GroupOutcome | None
) -> HintRecord:
    outcome = None if alone is None else alone.transactions[0]
    return HintRecord(
        for_block=for_block,
        matching_hash=hex_bytes(matching_hash(tx)),
        tx_hash=hex_bytes(tx.hash),
        sender=to_checksum(tx.sender),
        hints=tuple(sorted(hints)),
        event=event,
        succeeded=outcome is not None and outcome.succeeded,
        gas_used=0 if outcome is None else outcome.gas_used,
        logs=() if outcome is None else outcome.logs,
    )
