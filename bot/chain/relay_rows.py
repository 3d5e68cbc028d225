"""What each relay can do, as data. A relay is added by a row, not by code; addresses can be overridden by settings.

`drops_reverts` decides who may be handed a plan with a minimum profit on chain (law 7). Where a fact comes from
stands beside it; each row carries the day it was last read in the relay's own documentation.
"""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from bot.core.errors import BadConfiguration
from bot.core.loopback import is_loopback

PRIVATE_TRANSACTION = "eth_sendPrivateTransaction"
RAW_TRANSACTION = "eth_sendRawTransaction"
SEND_BUNDLE = "eth_sendBundle"
CALL_BUNDLE = "eth_callBundle"
CANCEL_BUNDLE = "eth_cancelBundle"
CANCEL_PRIVATE_TRANSACTION = "eth_cancelPrivateTransaction"


class RelayRow(msgspec.Struct, frozen=True):
    name: str
    """As in BOT_RELAYS."""
    kind: Literal["bundles", "private_rpc"]
    url: str | None
    """None: there is no public address, BOT_RELAY_<NAME>__URL must give one."""
    methods: frozenset[str]
    drops_reverts: bool
    """A transaction that reverts is not mined."""
    needs_signature: bool
    """Refuses requests without `X-Flashbots-Signature`. All rows are sent one; it builds reputation."""
    takes_uuid: bool
    """Knows `replacementUuid`."""
    max_transactions: int
    """Per bundle."""
    max_bytes: int
    """Of one request body."""
    per_minute: dict[str, int]
    """Requests of a method in any 60 s; what is not named has `other_per_minute`."""
    other_per_minute: int
    last_verified: str
    """Day on which the row was compared with the relay's documentation."""

    def limit_per_minute(self, method: str) -> int:
        return self.per_minute.get(method, self.other_per_minute)


_BUNDLE_METHODS = frozenset({SEND_BUNDLE, CALL_BUNDLE, CANCEL_BUNDLE})
_MAX_TRANSACTIONS = 100
_MAX_BYTES = 300_000

MARKET = RelayRow(
    name="market",
    kind="bundles",
    url=None,
    methods=_BUNDLE_METHODS,
    drops_reverts=True,
    needs_signature=True,
    takes_uuid=True,
    max_transactions=_MAX_TRANSACTIONS,
    max_bytes=_MAX_BYTES,
    per_minute={SEND_BUNDLE: 1_800, CANCEL_BUNDLE: 600, CALL_BUNDLE: 300},
    other_per_minute=120,
    last_verified="2026-11-21",
)
"""The local market's relay, with the limits of the real one."""

MARKET_UNPROTECTED = RelayRow(
    name="market-unprotected",
    kind="private_rpc",
    url=None,
    methods=frozenset({PRIVATE_TRANSACTION, RAW_TRANSACTION}),
    drops_reverts=False,
    needs_signature=True,
    takes_uuid=False,
    max_transactions=1,
    max_bytes=_MAX_BYTES,
    per_minute={},
    other_per_minute=120,
    last_verified="2026-11-21",
)
"""The local market's private-transaction endpoint, which mines reverts: it must never see a plan that can revert."""

FLASHBOTS = RelayRow(
    name="flashbots",
    kind="bundles",
    url="https://relay.flashbots.net",
    methods=_BUNDLE_METHODS | {PRIVATE_TRANSACTION, CANCEL_PRIVATE_TRANSACTION},
    drops_reverts=True,  # any revert not listed kills the bundle
    needs_signature=True,
    takes_uuid=True,  # a UUID of version 4
    max_transactions=_MAX_TRANSACTIONS,  # rpc-endpoint.mdx
    max_bytes=_MAX_BYTES,
    per_minute={
        SEND_BUNDLE: 1_800,
        CANCEL_BUNDLE: 600,
        CALL_BUNDLE: 300,
    },  # searchers/ratelimiting.mdx, per IP
    other_per_minute=120,
    last_verified="2026-11-20",
)
TITAN = RelayRow(
    name="titan",
    kind="bundles",
    url="https://rpc.titanbuilder.xyz",
    methods=frozenset({SEND_BUNDLE, CANCEL_BUNDLE}),
    drops_reverts=True,  # never unbundles; reverting hashes must be listed
    needs_signature=False,  # taken where it is given
    takes_uuid=True,  # any text
    max_transactions=_MAX_TRANSACTIONS,
    max_bytes=_MAX_BYTES,
    per_minute={},
    other_per_minute=1_800,  # no limit is documented; ours
    last_verified="2026-11-20",
)
BUILDERNET = RelayRow(
    name="buildernet",
    kind="bundles",
    url="https://rpc.buildernet.org",
    methods=frozenset({SEND_BUNDLE, CANCEL_BUNDLE}),
    drops_reverts=True,
    needs_signature=True,
    takes_uuid=True,  # a UUID
    max_transactions=_MAX_TRANSACTIONS,
    max_bytes=_MAX_BYTES,
    per_minute={},
    other_per_minute=6_000,  # send-orderflow.mdx: 1,000 in 10 s
    last_verified="2026-11-20",
)

ROWS: dict[str, RelayRow] = {
    row.name: row for row in (MARKET, MARKET_UNPROTECTED, FLASHBOTS, TITAN, BUILDERNET)
}


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
    variable = f"BOT_RELAY_{row.name.upper().replace('-', '_')}__URL"
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
