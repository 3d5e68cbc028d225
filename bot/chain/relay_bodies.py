"""A bundle's requests, made once each: routes that are sent the same words are sent the same bytes, signed once.

Made before they are needed by a route's `prepare`, or at the first `send`; kept for the last bundles.
"""

from collections import OrderedDict
from itertools import count
from typing import Final

import msgspec

from bot.chain.relay_codecs import Form, Params, bundle_request, encode_request, form_of, refusal
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_row import RelayRow
from bot.core.decisions import Bundle
from bot.core.result import Reverted

_KEPT: Final = 16
"""Bundles; a block has a few."""


class Prepared(msgspec.Struct):
    """One request, ready to be written. The identity signs when a relay that takes a signature asks for the first time."""

    method: str
    request_id: int
    body: bytes
    signature: str | None = None
    """Value of `X-Flashbots-Signature`; None until it is made."""


class BundleBodies:
    """Shared by the routes of one engine, which all speak under one identity."""

    def __init__(self, identity: RelayIdentity) -> None:
        self._identity = identity
        self._ids = count(1)
        self._kept: OrderedDict[Bundle, dict[Form, Prepared]] = OrderedDict()

    def of(self, bundle: Bundle, row: RelayRow) -> Prepared | Reverted:
        """The request for this relay, without its signature. Reverted ("not sent: …"): it cannot be said, or not there."""
        refused = refusal(row, bundle)
        if refused is not None:
            return refused
        forms = self._forms(bundle)
        form = form_of(row, bundle)
        prepared = forms.get(form)
        if prepared is None:
            prepared = forms[form] = self.request(*bundle_request(form, bundle))
        if prepared.method not in row.methods:
            return Reverted(f"not sent: relay {row.name} does not know {prepared.method}")
        if len(prepared.body) > row.max_bytes:
            return Reverted(f"not sent: {len(prepared.body)} bytes, relay {row.name} takes {row.max_bytes}")
        return prepared

    def request(self, method: str, params: Params) -> Prepared:
        """One that is not shared."""
        request_id = next(self._ids)
        return Prepared(method, request_id, encode_request(request_id, method, params))

    def signed(self, prepared: Prepared) -> str:
        if prepared.signature is None:
            prepared.signature = self._identity.header(prepared.body)
        return prepared.signature

    def _forms(self, bundle: Bundle) -> dict[Form, Prepared]:
        forms = self._kept.get(bundle)
        if forms is None:
            forms = self._kept[bundle] = {}
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return forms
