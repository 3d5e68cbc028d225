"""The one way a set-up step gives up: a line for the person, and an exit code."""

MACHINE_LACKS = 2
"""Exit code: this machine lacks a prerequisite, or what is configured cannot be right."""
UNREACHABLE = 3
"""Exit code: something outside could not be reached, or did not deliver what is pinned."""


class SetupFailed(Exception):  # noqa: N818 - reads as what happened, and nothing but set-up raises it
    """`line` says what failed and what to do next, in one line."""

    def __init__(self, line: str, exit_code: int = UNREACHABLE) -> None:
        super().__init__(line)
        self.line = " ".join(line.split())
        self.exit_code = exit_code
