"""What may be signed: rules over the decoded bytes and the signer's own totals. Every rule must hold.

A rule carries what it allows and what it saw; the first that does not hold is the refusal.
"""

from collections.abc import Iterable, Iterator

import msgspec

from bot.core.identity import to_checksum
from bot.core.signer_protocol import Refused
from bot.core.transaction import TransactionFields
from bot.core.units import Wei, gas_cost
from bot.signer.config import SignerConfig, SignerLimits
from bot.signer.decode import DecodedExecute
from bot.signer.totals import WalletTotals


class Rule(msgspec.Struct, frozen=True):
    name: str
    holds: bool
    limit: object
    actual: object


def first_broken(rules: Iterable[Rule]) -> Refused | None:
    for rule in rules:
        if not rule.holds:
            return Refused(rule.name, str(rule.limit), str(rule.actual))
    return None


def execution_rules(
    fields: TransactionFields,
    call: DecodedExecute,
    config: SignerConfig,
    limits: SignerLimits,
    totals: WalletTotals,
) -> Iterator[Rule]:
    """For a call of an Executor. `totals` are those of today."""
    executors = ", ".join(sorted(map(to_checksum, config.executors)))
    size, width = len(fields.data), call.last_block - call.first_block + 1
    yield from _envelope_rules(fields, config, limits)
    yield Rule("to", fields.to in config.executors, executors, to_checksum(fields.to))
    yield Rule("value", fields.value == 0, 0, fields.value)
    yield Rule("calldata_bytes", size <= limits.calldata_bytes, f"<= {limits.calldata_bytes}", size)
    yield Rule("min_profit", call.min_profit > 0, "> 0", call.min_profit)
    yield Rule(
        "block_window",
        1 <= width <= limits.window_blocks,
        f"1 to {limits.window_blocks} blocks",
        f"{width} blocks",
    )
    yield Rule(
        "block_window_past",
        call.last_block >= totals.last_first_block,
        f">= {totals.last_first_block}, the first block of the window signed last",
        call.last_block,
    )
    yield _open_nonce_rule(fields, totals)
    spend = totals.spend_with(fields.nonce, worst_cost(fields))
    yield Rule(
        "gas_spend_per_day",
        spend <= limits.gas_spend_per_day,
        f"<= {limits.gas_spend_per_day} wei",
        f"{spend} wei",
    )


def cancellation_rules(
    fields: TransactionFields, config: SignerConfig, limits: SignerLimits, totals: WalletTotals
) -> Iterator[Rule]:
    """For a transfer of nothing to the wallet itself.

    The day's spend does not stop it: a halt must finish its job. It is bounded all the same, because only a nonce
    that this signer has signed and the chain has not used can be cancelled.
    """
    own = to_checksum(totals.address)
    yield from _envelope_rules(fields, config, limits)
    yield Rule("cancellation_to", fields.to == totals.address, own, to_checksum(fields.to))
    yield Rule("value", fields.value == 0, 0, fields.value)
    yield Rule("cancellation_data", not fields.data, "none", f"{len(fields.data)} bytes")
    yield Rule(
        "cancellation_access_list", not fields.access_list, "none", f"{len(fields.access_list)} entries"
    )
    yield _signed_and_unused_rule(fields, totals)


def worst_cost(fields: TransactionFields) -> Wei:
    """The whole gas limit at the highest fee."""
    return gas_cost(fields.gas_limit, fields.max_fee_per_gas)


def _envelope_rules(fields: TransactionFields, config: SignerConfig, limits: SignerLimits) -> Iterator[Rule]:
    fee, priority = fields.max_fee_per_gas, fields.max_priority_fee_per_gas
    yield Rule("chain_id", fields.chain_id == config.chain_id, config.chain_id, fields.chain_id)
    yield Rule(
        "gas_per_tx",
        fields.gas_limit <= limits.gas_per_tx,
        f"<= {limits.gas_per_tx} gas",
        f"{fields.gas_limit} gas",
    )
    yield Rule("fee_per_gas", fee <= limits.fee_per_gas, f"<= {limits.fee_per_gas} wei", f"{fee} wei")
    yield Rule("priority_fee_per_gas", priority <= fee, f"<= {fee} wei, the fee", f"{priority} wei")


def _open_nonce_rule(fields: TransactionFields, totals: WalletTotals) -> Rule:
    """Exactly the chain's next one: below it nothing can land, above it two payloads could."""
    if totals.next_nonce is None:
        return Rule(
            "nonce",
            holds=False,
            limit="the chain's next nonce, which was not reported yet",
            actual=fields.nonce,
        )
    limit = f"{totals.next_nonce}, the next one by the last report; signed up to {totals.last_signed_nonce}"
    return Rule("nonce", fields.nonce == totals.next_nonce, limit, fields.nonce)


def _signed_and_unused_rule(fields: TransactionFields, totals: WalletTotals) -> Rule:
    first, last = totals.next_nonce, totals.last_signed_nonce
    if first is None or last is None:
        return Rule(
            "nonce",
            holds=False,
            limit="a nonce this signer signed and the chain has not used",
            actual=fields.nonce,
        )
    return Rule("nonce", first <= fields.nonce <= last, f"{first} to {last}, signed and unused", fields.nonce)
