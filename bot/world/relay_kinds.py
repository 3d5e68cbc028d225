"""What each of the market's endpoints is, as data: who it lets in, which uuids it knows, which builders it feeds.

`market` is like the Flashbots relay, `market-titan` like Titan, `market-buildernet` like BuilderNet's proxy and
`market-share` like MEV-Share (relays.md sections 2 to 4). `market-unprotected` is a private RPC that mines reverts.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Endpoint = Literal["market", "market-unprotected", "market-titan", "market-buildernet", "market-share"]
UuidRule = Literal["uuid", "uuid_v4", "any_text"]

BUILDER_A = "builder-a"
BUILDER_B = "builder-b"


class RelayKind(msgspec.Struct, frozen=True):
    name: Endpoint
    needs_signature: bool
    """Without a good `X-Flashbots-Signature`, HTTP 403; else it may be left out, but not be wrong."""
    uuid_rule: UuidRule
    one_uuid_name: bool
    """`uuid` and `replacementUuid` together are an error; else `replacementUuid` counts."""
    feeds: frozenset[str]
    """Builders that get what it takes, where there are two."""
    checks_versions: bool = False
    """Fields go by `version`, as BuilderNet's do."""
    ignores_duplicates: bool = False
    """A repeat of a request is answered like the first and changes nothing, even after a cancellation."""
    stamps_arrival: bool = False
    """Answers carry `receivedTimestampMs`."""
    private_blocks: int = 25
    """How long a private transaction is tried where its sender names no last block."""


_A, _B, _BOTH = frozenset({BUILDER_A}), frozenset({BUILDER_B}), frozenset({BUILDER_A, BUILDER_B})

KINDS: dict[Endpoint, RelayKind] = {
    kind.name: kind
    for kind in (
        RelayKind("market", needs_signature=True, uuid_rule="uuid", one_uuid_name=True, feeds=_A),
        RelayKind(
            "market-unprotected",
            needs_signature=False,
            uuid_rule="uuid",
            one_uuid_name=True,
            feeds=_BOTH,
        ),
        RelayKind("market-titan", needs_signature=False, uuid_rule="any_text", one_uuid_name=False, feeds=_B),
        RelayKind(
            "market-buildernet",
            needs_signature=True,
            uuid_rule="uuid_v4",
            one_uuid_name=True,
            feeds=_BOTH,
            checks_versions=True,
            ignores_duplicates=True,
            stamps_arrival=True,
            private_blocks=5,
        ),
        RelayKind("market-share", needs_signature=True, uuid_rule="uuid", one_uuid_name=True, feeds=_A),
    )
}


def feeding(builder: str) -> frozenset[Endpoint]:
    """Endpoints whose bundles reach that builder."""
    return frozenset(name for name, kind in KINDS.items() if builder in kind.feeds)
