"""One step of a set-up."""

from collections.abc import Callable
from dataclasses import dataclass

from setup_steps.checklist import Line
from setup_steps.processes import Processes


@dataclass(frozen=True)
class Step:
    line: Line
    is_there: Callable[[], bool]
    size_there: Callable[[], int]
    make: Callable[[Processes], int]
    """Returns bytes on disk; raises SetupFailed."""
    prerequisites: Callable[[], None] = lambda: None
    """Raises SetupFailed when this machine lacks something; asked before any step begins."""
    after: "Step | None" = None
