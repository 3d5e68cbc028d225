"""`bot relay-check URL`: what a relay really supports, and with `--row`, where our row of it is wrong.

Exit 0: it agrees with the row, or there was none to compare; 1: it differs, or its answers tell nothing; 2: bad usage; 3: no answer.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bot.chain.relay_authorization import load_authorization
from bot.chain.relay_identity import RelayIdentity, load_identity
from bot.chain.relay_row import RelayRow
from bot.chain.relay_rows import ROWS
from bot.clock import SystemClock
from bot.core.errors import EXIT_DEFECT, EXIT_GOOD, BadConfiguration
from bot.core.loopback import is_loopback
from bot.core.units import Nanoseconds
from bot.ops.relay_findings import Findings, as_json, differences, find_out
from bot.ops.relay_probe import RelayProbe, throwaway_identity
from bot.ops.run_folder import deliver

LIMIT: Final = Nanoseconds(5 * 10**9)
"""For each answer."""
SILENT_UUIDS: Final = "a uuid that is silently ignored looks like one that was accepted"


def print_relay_check(options: argparse.Namespace) -> int:
    """`options`: url, identity, authorization_file, row, json, report. Raises BadConfiguration and Unreachable."""
    host = _host(options.url)
    row = _row(options.row)
    identity = throwaway_identity() if options.identity is None else _identity(options.identity)
    authorization = None
    if options.authorization_file is not None:
        authorization = load_authorization(options.authorization_file, "--authorization-file")

    async def look() -> Findings:
        probe = RelayProbe(options.url, identity, authorization, SystemClock(), LIMIT)
        try:
            return await find_out(probe, row, host)
        finally:
            await probe.close()

    found = asyncio.run(look())
    differs = differences(row, found) if row is not None else []
    content: dict[str, Any] = {
        "schema": 1,
        "host": host,
        "row": None if row is None else row.name,
        "differences": None if row is None else differs,
        "findings": as_json(found),
    }
    text = "\n".join([f"relay at {host}", *_lines(found, row), *_verdict(row, found, differs)])
    deliver(content, text, as_json=options.json, file=options.report)
    sys.stdout.flush()
    return EXIT_DEFECT if differs or found.doubt else EXIT_GOOD


def _host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadConfiguration(f"relay-check: {url!r} is no http or https address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadConfiguration(f"relay-check: {parts.hostname} is not this machine: use https")
    return parts.netloc.rpartition("@")[2]


def _identity(path: Path) -> RelayIdentity:
    try:
        return load_identity(path)
    except FileNotFoundError:
        raise BadConfiguration(f"relay-check: --identity {path} is not there") from None


def _row(name: str | None) -> RelayRow | None:
    if name is None:
        return None
    if name not in ROWS:
        raise BadConfiguration(f"relay-check: --row {name}: no such row; known: {', '.join(ROWS)}")
    return ROWS[name]


def _lines(found: Findings, row: RelayRow | None) -> list[str]:
    lines = ["", "methods"]
    for method, standing in found.methods.items():
        extra = "  (not in our row)" if row and standing == "known" and method not in row.methods else ""
        lines.append(f"  {method:<30}{standing}{extra}")
    why = found.doubt or "signed requests are not let in"
    needs = {True: "required", False: "not required", None: f"cannot be told: {why}"}
    lines += [
        "",
        f"signature       {needs[found.needs_signature]}",
        f"  without one   {found.unsigned}",
        f"  a wrong one   {found.wrongly_signed}",
        f"replacement     {found.uuid_rule}" + ("" if not found.uuids else f"  ({SILENT_UUIDS})"),
        *(f"  {kind:<14}{words}" for kind, words in found.uuids.items()),
        "cancel",
        f"  eth_cancelBundle of an unknown uuid: {found.cancel}",
        f"  a bundle of nothing under a uuid: {found.empty_bundle}",
        f"errors          {found.error_shape}",
        f"batch           {found.batch}",
        f"body size       up to {found.largest_read} bytes are read",
        *(f"  {size:<14}{words}" for size, words in found.sizes.items()),
        f"clock           {found.clock}",
        f"latency         {found.latency_ms} ms, the median of its answers",
    ]
    return lines


def _verdict(row: RelayRow | None, found: Findings, differs: list[str]) -> list[str]:
    if row is None:
        return ["", f"is it a relay? {found.doubt}"] if found.doubt else []
    if not differs:
        return [
            "",
            f"agrees with row {row.name} (last verified {row.last_verified}), as far as answers can tell",
        ]
    return [
        "",
        f"differs from row {row.name} (last verified {row.last_verified}):",
        *(f"  {one}" for one in differs),
    ]
