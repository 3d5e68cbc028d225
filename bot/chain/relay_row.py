"""What one relay can do, as data: the shape of a row of relay_rows.py."""

from typing import Final, Literal

import msgspec

from bot.core.route_standing import BidBy

SEND_BUNDLE: Final = "eth_sendBundle"
CALL_BUNDLE: Final = "eth_callBundle"
CANCEL_BUNDLE: Final = "eth_cancelBundle"
SHARE_BUNDLE: Final = "mev_sendBundle"
SIMULATE_SHARE_BUNDLE: Final = "mev_simBundle"
BLOXROUTE_BUNDLE: Final = "blxr_submit_bundle"
PRIVATE_TRANSACTION: Final = "eth_sendPrivateTransaction"
CANCEL_PRIVATE_TRANSACTION: Final = "eth_cancelPrivateTransaction"
RAW_TRANSACTION: Final = "eth_sendRawTransaction"

Codec = Literal["flashbots", "mev_share", "bloxroute", "hash_first", "private_transaction", "raw"]
"""How a bundle is written (relay_codecs.py)."""
UuidRule = Literal["v4", "text", "none"]
"""What is taken for a replacement uuid: a UUID of version 4, any text, or none is known. Ours are always version 4."""
CancelBy = Literal["eth_cancelBundle", "empty_bundle", "eth_cancelPrivateTransaction", "none"]
SignatureRule = Literal["required", "taken", "none"]
"""Of `X-Flashbots-Signature`. Sent where it is required or taken: it builds reputation."""
HintNames = Literal["mev_share", "transaction_hash"]
"""By what a hidden transaction is named: the keccak of its hash, as on MEV-Share's stream, or its hash."""

_SENT_BY: Final[dict[Codec, str]] = {
    "flashbots": SEND_BUNDLE,
    "mev_share": SHARE_BUNDLE,
    "bloxroute": BLOXROUTE_BUNDLE,
    "hash_first": SEND_BUNDLE,
    "private_transaction": PRIVATE_TRANSACTION,
    "raw": RAW_TRANSACTION,
}


class RelayRow(msgspec.Struct, frozen=True, kw_only=True):
    """`drops_reverts` decides who may be handed a plan with a minimum profit on chain (law 7)."""

    name: str
    """As in BOT_RELAYS."""
    codec: Codec
    url: str | None = None
    """None: there is no public address, BOT_RELAY_<NAME>__URL must give one."""
    methods: frozenset[str]
    drops_reverts: bool
    """A transaction that reverts is not mined."""
    signature: SignatureRule
    needs_authorization: bool = False
    """Refuses requests without an account's `Authorization` header."""
    uuid_rule: UuidRule
    cancel_by: CancelBy
    honours: frozenset[BidBy]
    """By what a bid counts."""
    hints: HintNames | None = None
    max_transactions: int
    """Per bundle."""
    max_bytes: int = 300_000
    """Of one request body."""
    per_minute: dict[str, int] = {}
    """Requests of a method in any 60 s; what is not named has `other_per_minute`."""
    other_per_minute: int
    last_verified: str
    """Day on which the row was compared with the relay's documentation."""
    source: str
    """Where that stands, and what is not known."""

    @property
    def sends_by(self) -> str:
        """The method of a bundle on the block's own state."""
        return _SENT_BY[self.codec]

    @property
    def takes_hints(self) -> bool:
        """Can stand behind a transaction of which MEV-Share's stream told the keccak of its hash alone."""
        return self.hints == "mev_share"

    @property
    def variable(self) -> str:
        """Start of the names of its settings: `BOT_RELAY_<NAME>__`."""
        return f"BOT_RELAY_{self.name.upper().replace('-', '_')}__"

    def limit_per_minute(self, method: str) -> int:
        return self.per_minute.get(method, self.other_per_minute)
