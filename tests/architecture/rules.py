"""The rules. Each takes one Source and gives the breaches it finds, as lines for a person."""

import ast
from pathlib import Path

from layers import (
    APE_TESTS_IMPORT,
    ASIDE,
    AWAITS_PORTS,
    BROAD_EXCEPT_ALLOWED,
    FILE_LINES,
    FUNCTION_LINES,
    IMPURE_CALLS,
    IMPURE_MODULES,
    IMPURE_NAMES,
    LAYERS,
    LONG_FILES,
    LONG_FUNCTIONS,
    OPENED_BY,
    PURE,
    VAGUE_NAMES,
    WITHIN_A_ROW,
)
from sources import dotted

RANK = {unit: row for row, units in enumerate(LAYERS) for unit in units}
UNITS = {*RANK, *ASIDE}


def import_law(source):
    """A unit imports itself and lower rows; what stands aside imports what its entry names."""
    for line, name in source.imports:
        words = name.split(".")
        if words[0] != "bot" or len(words) < 2 or source.unit in ("", "__init__"):
            continue
        if words[1] not in UNITS:
            yield f"{source.path}:{line}: {name} is of no unit in DESIGN's tree"
        elif not may_import(source.unit, words[1]):
            yield f"{source.path}:{line}: {source.unit} must not import {words[1]} ({name})"


def may_import(importer, imported):
    if importer == imported:
        return True
    if importer in ASIDE:
        return imported in ASIDE[importer]
    if imported in OPENED_BY:
        return importer in OPENED_BY[imported]
    if imported in WITHIN_A_ROW.get(importer, ()):
        return True
    return RANK.get(importer, -1) < RANK[imported] and importer in RANK


def in_the_tree(source):
    """Every package and module directly under bot/ is a word of DESIGN's tree."""
    if source.unit not in UNITS | {"__init__"}:
        yield f"{source.path}: {source.unit} is no word of DESIGN's tree"


def purity(source):
    """Pure layers import no network, clock, environment or randomness, and call none of them by name."""
    if source.unit not in (*PURE, *AWAITS_PORTS):
        return
    for line, name in source.imports:
        top = name.split(".")[0]
        if top == "asyncio" and source.unit in AWAITS_PORTS:
            continue
        if top in IMPURE_MODULES or any(
            name == banned or name.startswith(f"{banned}.") for banned in IMPURE_NAMES
        ):
            yield f"{source.path}:{line}: the pure layer {source.unit} imports {name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in IMPURE_CALLS:
            yield f"{source.path}:{node.lineno}: the pure layer {source.unit} calls {dotted(node.func)}()"
        if isinstance(node, ast.Attribute) and _ends_with(dotted(node), IMPURE_NAMES):
            yield f"{source.path}:{node.lineno}: the pure layer {source.unit} uses {dotted(node)}"


def approved_at_the_gate(source):
    """Only risk/gate.py constructs an Approved (not by replace or convert either)."""
    if source.path == "bot/risk/gate.py":
        return
    names = {"Approved"} | {
        alias.asname
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "Approved" and alias.asname
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in names:
            yield f"{source.path}:{node.lineno}: Approved is constructed outside bot/risk/gate.py"


def numba_in_kernels(source):
    """Kernels, in *_kernel.py, are the only home of numba."""
    if source.path.endswith("_kernel.py"):
        return
    for line, name in source.imports:
        if name.split(".")[0] == "numba":
            yield f"{source.path}:{line}: numba outside a *_kernel.py"


def lengths(source):
    """Files and functions end somewhere; a longer one says why in the list of exceptions."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES and source.path not in LONG_FILES:
        yield f"{source.path}: {lines} lines, more than {FILE_LINES}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES and f"{source.path}:{node.name}" not in LONG_FUNCTIONS:
                yield f"{source.path}:{node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES}"


def telling_names(source):
    """A reader knows from the name what is in the file."""
    path = Path(source.path)
    for word in [*path.parent.parts, *path.stem.split("_")]:
        if word in VAGUE_NAMES:
            yield f"{source.path}: {word} says nothing of what is in it"


def broad_excepts(source):
    """A broad except stands at the top of the program, raises again, or carries its reason on its line."""
    if source.path in BROAD_EXCEPT_ALLOWED:
        return
    lines = source.text.splitlines()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or not _is_broad(node.type) or _raises_again(node):
            continue
        if not _reason(lines[node.lineno - 1]):
            yield f"{source.path}:{node.lineno}: broad except without its reason in a comment on the line"


def oracle_apart(source):
    """tests/oracle/ is a second opinion: it imports nothing of the bot, not even through the tests."""
    for line, name in source.imports:
        if name.split(".")[0] in ("bot", "tests", "conftest"):
            yield f"{source.path}:{line}: the oracle imports {name}"


def ape_tests_apart(source):
    """Tests under ape import the bot's core and protocols alone, and start the rest as a process of `.venv`."""
    for line, name in source.imports:
        words = name.split(".")
        if words[0] == "bot" and (len(words) < 2 or words[1] not in APE_TESTS_IMPORT):
            yield f"{source.path}:{line}: a test under ape imports {name}"


def _ends_with(name, banned):
    return any(name == other or name.endswith(f".{other}") for other in banned)


def _is_broad(caught):
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(dotted(name) in ("Exception", "BaseException") for name in names)


def _raises_again(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _reason(line):
    """The comment's words behind any `noqa: CODE -`; a bare noqa is no reason."""
    _, _, comment = line.partition("#")
    words = comment.split()
    while words and (words[0].startswith("noqa") or words[0].rstrip(",").isupper() or words[0] in ("-", "—")):
        words = words[1:]
    return len(words) >= 3
