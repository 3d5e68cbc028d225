"""What may be signed: rules over the decoded bytes and the signer's own totals. Every rule must hold.

A rule carries what it allows and what it saw; the first that does not hold is the refusal.

What an engine that lies can still get, with all of these rules holding:

- **Gas of reverts**, up to the day's spend. The signer sees no chain and must believe the count and the block it is
  told. Told of nonces as used that are not, it signs at the next: all those payloads live, and all may land. Their sum
  at worst cost is what a day and the day after it may spend together, and as much again for cancellations. One that is told of blocks of the far future
  signs payloads for then, day after day: each day's spend was allowed on its day, and all of it may be burnt on one.
- **Gain that was never the wallet's**: the engine may find and keep silent, ask less of a pool than it would give, or
  tell others. What a signature gives away is bounded: `min_profit` is all that the calldata claims
  but for the payment, so the chain holds the payment to its share of what is truly gained; the rest, no less than the
  worst gas cost, goes to the fixed recipient, or everything reverts. So no signature loses money by landing.
- **Pools are not checked**: a hostile one can do no more than revert, as the contract judges by its balance afterwards.
"""

from collections.abc import Iterable, Iterator

import msgspec

from bot.core.identity import to_checksum
from bot.core.signer_protocol import Refused
from bot.core.transaction import TransactionFields
from bot.core.units import Wei, gas_cost, share_up
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
    spent_elsewhere: Wei,
) -> Iterator[Rule]:
    """For a call of an Executor. `totals` are those of today; `spent_elsewhere` is today's spend of other wallets."""
    executors = ", ".join(sorted(map(to_checksum, config.executors)))
    size, priority = len(fields.data), fields.max_priority_fee_per_gas
    yield from _envelope_rules(fields, config, limits)
    yield _at_most("priority_fee_cap", config.priority_fee_cap, priority, "wei")
    yield Rule("to", fields.to in config.executors, executors, to_checksum(fields.to))
    yield Rule("value", fields.value == 0, 0, fields.value)
    yield _at_most("calldata_bytes", limits.calldata_bytes, size, "bytes")
    yield from _gain_rules(fields, call, config)
    yield _open_nonce_rule(fields, totals)
    yield from _window_rules(call, limits, totals)
    yield from _spend_rules(fields, config, limits, totals, spent_elsewhere)


def cancellation_rules(
    fields: TransactionFields, config: SignerConfig, limits: SignerLimits, totals: WalletTotals
) -> Iterator[Rule]:
    """For a transfer of nothing to the wallet itself.

    The day's executions do not stop it: a halt must finish its job. Cancellations may cost as much again as they, or
    an engine that lies could have a nonce signed for a wei and burnt for the highest fee, as often as it likes. The tip
    may be the whole fee: it competes with the payload that it is to replace.
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
    spend = totals.cancellations.with_payload(fields.nonce, worst_cost(fields)).total
    yield _at_most("cancellation_spend_per_day", limits.gas_spend_per_day, spend, "wei")


def worst_cost(fields: TransactionFields) -> Wei:
    """The whole gas limit at the highest fee."""
    return gas_cost(fields.gas_limit, fields.max_fee_per_gas)


def _envelope_rules(fields: TransactionFields, config: SignerConfig, limits: SignerLimits) -> Iterator[Rule]:
    fee, priority = fields.max_fee_per_gas, fields.max_priority_fee_per_gas
    yield Rule("chain_id", fields.chain_id == config.chain_id, config.chain_id, fields.chain_id)
    yield _at_most("gas_per_tx", limits.gas_per_tx, fields.gas_limit, "gas")
    yield _at_most("fee_per_gas", limits.fee_per_gas, fee, "wei")
    yield Rule("priority_fee_per_gas", priority <= fee, f"<= {fee} wei, the fee", f"{priority} wei")


def _gain_rules(fields: TransactionFields, call: DecodedExecute, config: SignerConfig) -> Iterator[Rule]:
    """Nothing is signed that could land and lose, or that gives the builder more than its share."""
    weth, least = to_checksum(config.weth), max(1, worst_cost(fields))
    yield Rule("base_token", call.base_token == config.weth, f"{weth}, WETH", to_checksum(call.base_token))
    for cycle in call.cycles:
        given, taken = cycle.amount_in, cycle.hops[-1].amount_out
        yield Rule("cycle_gain", taken > given, f"more out than the {given} that go in", taken)
    gain = call.gross_gain
    most = share_up(gain, config.payment_share)  # up, as the engine rounds its bid
    yield Rule(
        "min_profit",
        call.min_profit >= least,
        f">= {least} wei, the worst gas cost",
        f"{call.min_profit} wei",
    )
    yield Rule(
        "payment",
        call.payment <= most,
        f"<= {most} wei, {config.payment_share} bps of the gain of {gain}",
        f"{call.payment} wei",
    )
    kept = gain - call.payment
    # Less would let a cycle of made-up pools claim what the chain never gives, and the share be taken of that.
    yield Rule(
        "whole_claim",
        call.min_profit == kept,
        f"{kept} wei, the gain less the payment",
        f"{call.min_profit} wei",
    )


def _window_rules(call: DecodedExecute, limits: SignerLimits, totals: WalletTotals) -> Iterator[Rule]:
    """By the block reported last, not by what was signed: a window signed in error does not outlaw honest ones."""
    width = call.last_block - call.first_block + 1
    first, last = totals.head + 1, totals.head + limits.window_ahead_blocks
    yield Rule(
        "block_window",
        1 <= width <= limits.window_blocks,
        f"1 to {limits.window_blocks} blocks",
        f"{width} blocks",
    )
    yield Rule(
        "block_window_start",
        first <= call.first_block <= last,
        f"{first} to {last}, as block {totals.head} was reported last",
        call.first_block,
    )


def _spend_rules(
    fields: TransactionFields,
    config: SignerConfig,
    limits: SignerLimits,
    totals: WalletTotals,
    spent_elsewhere: Wei,
) -> Iterator[Rule]:
    spend = totals.executions.with_payload(fields.nonce, worst_cost(fields)).total
    yield _at_most("gas_spend_per_day", limits.gas_spend_per_day, spend, "wei")
    if config.gas_spend_per_day is not None:
        everywhere = spend + spent_elsewhere
        yield _at_most("gas_spend_per_day_of_all_wallets", config.gas_spend_per_day, everywhere, "wei")


def _at_most(name: str, limit: int, actual: int, unit: str) -> Rule:
    return Rule(name, actual <= limit, f"<= {limit} {unit}", f"{actual} {unit}")


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
