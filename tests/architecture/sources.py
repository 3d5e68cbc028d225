"""Python sources, read as syntax trees; nothing is imported, so function-local and TYPE_CHECKING imports count too."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One file: its path inside the clone, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self):
        return ast.parse(self.text, self.path)

    @property
    def unit(self):
        """The word of DESIGN's tree this file belongs to: `bot/risk/gate.py` and `bot/risk.py` are both `risk`."""
        parts = Path(self.path).with_suffix("").parts
        return parts[1] if len(parts) > 1 else ""

    @cached_property
    def imports(self):
        """(line, full dotted name) of everything imported, `from` names included, relative ones made absolute."""
        return [found for node in ast.walk(self.tree) for found in self._of(node)]

    def _of(self, node):
        if isinstance(node, ast.Import):
            return [(node.lineno, alias.name) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            origin = self._origin(node)
            return [(node.lineno, f"{origin}.{alias.name}") for alias in node.names]
        if isinstance(node, ast.Call) and dotted(node.func) in ("__import__", "importlib.import_module"):
            name = node.args[0] if node.args else None
            return [(node.lineno, name.value)] if isinstance(name, ast.Constant) else []
        return []

    def _origin(self, node):
        if not node.level:
            return node.module
        package = Path(self.path).parent.parts
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])


def dotted(node):
    """`a.b.c` of an expression made of names alone; empty otherwise."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def python_files(*folders, root=ROOT):
    """Every Python file under the folders, as it lies in the clone."""
    return [
        Source(str(path.relative_to(root)), path.read_text())
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
    ]
