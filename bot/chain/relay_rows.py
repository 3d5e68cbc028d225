"""The relays there are. One is added by a row, or by a row and a small codec; addresses can be overridden by settings.

Where a fact comes from stands in the row's `source`, and the day it was last read there in `last_verified`. Limits
that nobody documents are ours, and low.
"""

from typing import Final
from urllib.parse import urlsplit

from bot.chain.relay_row import (
    BLOXROUTE_BUNDLE,
    CALL_BUNDLE,
    CANCEL_BUNDLE,
    CANCEL_PRIVATE_TRANSACTION,
    PRIVATE_TRANSACTION,
    RAW_TRANSACTION,
    SEND_BUNDLE,
    SHARE_BUNDLE,
    SIMULATE_SHARE_BUNDLE,
    RelayRow,
)
from bot.core.errors import BadConfiguration
from bot.core.loopback import is_loopback
from bot.core.route_standing import BidBy

_BOTH: Final[frozenset[BidBy]] = frozenset({"payment", "priority_fee"})
_TIP: Final[frozenset[BidBy]] = frozenset({"priority_fee"})
_BUNDLE_METHODS: Final = frozenset({SEND_BUNDLE, CANCEL_BUNDLE})
_PRIVATE_METHODS: Final = frozenset({PRIVATE_TRANSACTION, RAW_TRANSACTION})
_FLASHBOTS_BUDGET: Final = {SEND_BUNDLE: 1_800, CANCEL_BUNDLE: 600, CALL_BUNDLE: 300}
_UNDOCUMENTED_BUDGET: Final = 1_800

MARKET: Final = RelayRow(
    name="market",
    codec="flashbots",
    methods=_BUNDLE_METHODS | {CALL_BUNDLE},
    drops_reverts=True,
    signature="required",
    uuid_rule="v4",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    per_minute=_FLASHBOTS_BUDGET,
    other_per_minute=120,
    last_verified="2026-11-21",
    source="the local market, with the limits of the Flashbots relay",
)
MARKET_UNPROTECTED: Final = RelayRow(
    name="market-unprotected",
    codec="private_transaction",
    methods=_PRIVATE_METHODS,
    drops_reverts=False,
    signature="taken",
    uuid_rule="none",
    cancel_by="none",
    honours=_BOTH,
    max_transactions=1,
    other_per_minute=120,
    last_verified="2026-11-21",
    source="the local market's private RPC, which mines reverts",
)
MARKET_TITAN: Final = RelayRow(
    name="market-titan",
    codec="flashbots",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="taken",
    uuid_rule="text",
    cancel_by="empty_bundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=_UNDOCUMENTED_BUDGET,
    last_verified="2026-11-21",
    source="the local market's second builder, which behaves as Titan",
)
MARKET_BUILDERNET: Final = RelayRow(
    name="market-buildernet",
    codec="flashbots",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="required",
    uuid_rule="v4",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=6_000,
    last_verified="2026-11-21",
    source="the local market's proxy to both builders, which behaves as BuilderNet's",
)
MARKET_SHARE: Final = RelayRow(
    name="market-share",
    codec="mev_share",
    methods=frozenset({SHARE_BUNDLE, SIMULATE_SHARE_BUNDLE, CANCEL_BUNDLE, PRIVATE_TRANSACTION}),
    drops_reverts=True,
    signature="required",
    uuid_rule="v4",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    hints="mev_share",
    max_transactions=50,
    other_per_minute=120,
    per_minute={SHARE_BUNDLE: 1_800, CANCEL_BUNDLE: 600, SIMULATE_SHARE_BUNDLE: 300},
    last_verified="2026-11-21",
    source="the local market's order-flow auction, which behaves as MEV-Share",
)

FLASHBOTS: Final = RelayRow(
    name="flashbots",
    codec="flashbots",
    url="https://relay.flashbots.net",
    methods=_BUNDLE_METHODS
    | {CALL_BUNDLE, SHARE_BUNDLE, SIMULATE_SHARE_BUNDLE, PRIVATE_TRANSACTION, CANCEL_PRIVATE_TRANSACTION},
    drops_reverts=True,  # any revert not listed kills the bundle
    signature="required",
    uuid_rule="v4",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    hints="mev_share",
    max_transactions=100,
    per_minute=_FLASHBOTS_BUDGET | {SHARE_BUNDLE: 1_800, SIMULATE_SHARE_BUNDLE: 300},
    other_per_minute=120,
    last_verified="2026-11-20",
    source="flashbots-docs: rpc-endpoint.mdx, mev-share/searchers/ratelimiting.mdx (per IP)",
)
TITAN: Final = RelayRow(
    name="titan",
    codec="flashbots",
    url="https://rpc.titanbuilder.xyz",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,  # never unbundles; reverting hashes must be listed
    signature="taken",
    uuid_rule="text",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=_UNDOCUMENTED_BUDGET,
    last_verified="2026-11-21",
    source="docs.titanbuilder.xyz: eth_sendBundle, eth_cancelBundle; no limit is documented",
)
BUILDERNET: Final = RelayRow(
    name="buildernet",
    codec="flashbots",
    url="https://rpc.buildernet.org",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="required",
    uuid_rule="v4",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=6_000,
    last_verified="2026-11-20",
    source="buildernet.org/docs: api, send-orderflow (1,000 requests in 10 s, 10 connections)",
)
QUASAR: Final = RelayRow(
    name="quasar",
    codec="flashbots",
    url="https://rpc.quasar.win",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="none",
    uuid_rule="text",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=_UNDOCUMENTED_BUDGET,
    last_verified="2026-11-20",
    source="cakevm/mev-builders, flashbots/dowg (refund-recipient, cancel-endpoint); its uuid rule is not documented",
)
RSYNC: Final = RelayRow(
    name="rsync",
    codec="flashbots",
    url="https://rsync-builder.xyz",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="none",
    uuid_rule="text",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    max_transactions=100,
    other_per_minute=_UNDOCUMENTED_BUDGET,
    last_verified="2026-11-20",
    source="cakevm/mev-builders, flashbots/dowg (refund-recipient, cancel-endpoint); its uuid rule is not documented",
)
BLOXROUTE: Final = RelayRow(
    name="bloxroute",
    codec="bloxroute",
    url="https://mev.api.blxrbdn.com",
    methods=frozenset({BLOXROUTE_BUNDLE}),
    drops_reverts=True,  # without reverting_hashes one revert takes the whole bundle out
    signature="none",
    needs_authorization=True,
    uuid_rule="v4",
    cancel_by="empty_bundle",
    honours=_BOTH,
    max_transactions=2,  # more is a paid add-on
    other_per_minute=60,
    last_verified="2026-11-21",
    source="docs.bloxroute.com: Bundle Submission; limits depend on the account's plan",
)
MEVBLOCKER: Final = RelayRow(
    name="mevblocker",
    codec="hash_first",
    url="https://rpc.mevblocker.io",
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    signature="none",
    uuid_rule="text",
    cancel_by="eth_cancelBundle",
    honours=_BOTH,
    hints="transaction_hash",
    max_transactions=2,
    other_per_minute=120,
    last_verified="2026-11-21",
    source="docs.cow.fi: bidding on transactions; check anew at docs.mevblocker.io, where the documentation moved",
)
MERKLE: Final = RelayRow(
    name="merkle",
    codec="hash_first",
    url="https://mempool.merkle.io/relay",
    methods=frozenset({SEND_BUNDLE}),
    drops_reverts=True,
    signature="none",
    uuid_rule="none",
    cancel_by="none",
    honours=frozenset({"payment"}),
    hints="transaction_hash",
    max_transactions=2,
    other_per_minute=120,
    last_verified="2026-11-20",
    source="docs.merkle.io, of which copies differ in age; its auctions pay a fee recipient, not the coinbase",
)
FLASHBOTS_PROTECT: Final = RelayRow(
    name="flashbots-protect",
    codec="private_transaction",
    url="https://relay.flashbots.net",
    methods=frozenset({PRIVATE_TRANSACTION, CANCEL_PRIVATE_TRANSACTION}),
    drops_reverts=True,  # settings guide, default: reverted transactions are not included on chain
    signature="required",
    uuid_rule="none",
    cancel_by="eth_cancelPrivateTransaction",
    honours=_TIP,  # without a priority fee it is neither shared nor built
    max_transactions=1,
    other_per_minute=120,
    last_verified="2026-11-21",
    source="flashbots-docs: eth-sendPrivateTransaction.mdx, flashbots-protect/settings-guide",
)
MEVBLOCKER_RPC: Final = RelayRow(
    name="mevblocker-rpc",
    codec="raw",
    url="https://rpc.mevblocker.io/noreverts",
    methods=frozenset({RAW_TRANSACTION}),
    drops_reverts=True,  # this path alone: the others mine reverts
    signature="none",
    uuid_rule="none",
    cancel_by="none",
    honours=_TIP,
    max_transactions=1,
    other_per_minute=60,
    last_verified="2026-11-21",
    source="docs.cow.fi: mevblocker/orderflow-originators/Endpoints; it has no last block: the contract's window ends it",
)
PUBLIC: Final = RelayRow(
    name="public",
    codec="raw",
    methods=frozenset({RAW_TRANSACTION}),
    drops_reverts=False,
    signature="none",
    uuid_rule="none",
    cancel_by="none",
    honours=_TIP,
    max_transactions=1,
    other_per_minute=60,
    last_verified="2026-11-21",
    source="execution-apis: any node. Never used unless BOT_RELAYS names it and BOT_RELAY_PUBLIC__URL is set",
)

_ALL: Final = (
    MARKET, MARKET_UNPROTECTED, MARKET_TITAN, MARKET_BUILDERNET, MARKET_SHARE, FLASHBOTS, TITAN, BUILDERNET, QUASAR,
    RSYNC, BLOXROUTE, MEVBLOCKER, MERKLE, FLASHBOTS_PROTECT, MEVBLOCKER_RPC, PUBLIC,
)  # fmt: skip
ROWS: dict[str, RelayRow] = {row.name: row for row in _ALL}


def row_named(name: str) -> RelayRow:
    """Raises BadConfiguration, with the names there are, for any other."""
    row = ROWS.get(name)
    if row is None:
        raise BadConfiguration(f"BOT_RELAYS: {name!r} is no known relay; known: {', '.join(ROWS)}")
    return row


def relay_url(row: RelayRow, override: str | None, *, loopback_only: bool) -> str:
    """The address to use: the override, else the row's own. Raises BadConfiguration.

    `loopback_only` is for throwaway chains: a fork shares its chain id with the real chain, so a bundle built on it
    must not reach a real relay. Anywhere else a relay off this machine must be https: a bundle is worth reading.
    """
    url = override or row.url
    variable = f"{row.variable}URL"
    if url is None:
        raise BadConfiguration(f"{variable} is not set: relay {row.name} has no address of its own")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConfiguration(f"{variable}: relay {row.name} needs an http or https address")
    local = is_loopback(parts.hostname)
    if loopback_only and not local:
        raise BadConfiguration(
            f"{variable}: relay {row.name} is at {parts.hostname}, and on a market or fork only loopback is allowed"
        )
    if parts.scheme == "http" and not local:
        raise BadConfiguration(f"{variable}: relay {row.name} is at {parts.hostname} without TLS: use https")
    return url
