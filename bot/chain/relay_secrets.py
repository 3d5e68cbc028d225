"""What we show a relay and nobody else is to read: hidden in its answer before anything is made of it. Pure.

Some relays say back what they were sent, and their words go into logs, the journal and onto screens.
"""

import re
from typing import Final

HIDDEN: Final = b"(hidden)"
_TOLD_BY: Final = 12
"""Characters that a secret is known by: relays cut what they say back, and so do we."""
_SHORTEST: Final = 6
"""Shorter words of a header's value stand everywhere, and are not the secret where there are longer ones."""
_LEAST: Final = 4
"""What is shorter is no secret, and hiding it would leave no answer readable."""
_SEPARATORS: Final = re.compile(r'[\s,;"=:]+(?=\S)')
_MORE: Final = r"""(?:[^\s"'<>,;\\]|\\{1,4}[/u])*"""
"""What may follow; a quote that JSON escapes ends it, so that the answer can still be read."""


class HeaderSecrets:
    """Of one relay. `authorization`: its header's value, None where it has none."""

    def __init__(self, authorization: str | None) -> None:
        self._patterns = [] if authorization is None else _patterns(authorization)

    def hide(self, body: bytes, signature: str | None = None) -> bytes:
        """`body` without the account's header but for its scheme, in any case, escaped as JSON or for an address.

        `signature`: value of the signature header of the request it answers; its address is no secret.
        """
        for pattern in self._patterns:
            body = pattern.sub(HIDDEN, body)
        return body if signature is None else _without_hex(body, signature)


def _patterns(value: str) -> list[re.Pattern[bytes]]:
    """Each word but the scheme, told by how it begins; where all are short, the whole value."""
    scheme, _, rest = value.strip().partition(" ")
    words = [word for word in _SEPARATORS.split(rest or scheme) if len(word) >= _SHORTEST]
    begun = ["".join(map(_in_any_form, word[:_TOLD_BY])) + _MORE for word in words]
    if not begun and len(rest or scheme) >= _LEAST:
        begun = ["".join(map(_in_any_form, rest or scheme))]
    return [re.compile(pattern.encode()) for pattern in begun]


def _in_any_form(char: str) -> str:
    """A character as it is, behind backslashes, or by its code as JSON and addresses write it."""
    own = f"[{char.lower()}{char.upper()}]" if char.isalpha() else re.escape(char)
    codes = sorted({f"{ord(one):02x}" for one in (char.lower(), char.upper())})
    code = (
        "(?:" + "|".join("".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in c) for c in codes) + ")"
    )
    return rf"(?:{own}|\\{{1,4}}(?:u00{code}|{own})|%{code})"


def _without_hex(body: bytes, signature: str) -> bytes:
    """Wherever its digits begin, to where digits end."""
    begin = signature.rpartition(":")[2].removeprefix("0x")[:_TOLD_BY].lower().encode()
    lowered = body.lower()
    if begin not in lowered:
        return body
    return re.sub(re.escape(begin) + rb"[0-9a-f]*", HIDDEN, body, flags=re.IGNORECASE)
