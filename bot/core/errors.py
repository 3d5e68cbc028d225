"""Every error of ours.

    BotError
    ├── StopTheBot            the process ends, with the exit code of its class
    │   ├── BadConfiguration    2   a variable or file the operator must change
    │   ├── Unreachable         3   a dependency did not answer (node, relay, signer)
    │   ├── Halted              4   the kill switch is set or cannot be read
    │   └── BrokenInvariant     1   a law does not hold: a defect of ours
    └── RetryLater            a feed or route failed; it comes back by itself, with back-off

The message says what was wrong, the value seen, the value allowed, and what to do next, on one line.
"""

EXIT_GOOD = 0
EXIT_DEFECT = 1
EXIT_BAD_CONFIGURATION = 2
EXIT_UNREACHABLE = 3
EXIT_HALTED = 4
EXIT_INTERRUPTED = 130


class BotError(Exception):
    """Root; never raised itself."""


class StopTheBot(BotError):  # noqa: N818  # named for what follows from it
    exit_code = EXIT_DEFECT


class BadConfiguration(StopTheBot):
    """`problems` holds one line each; all that is wrong is said at once."""

    exit_code = EXIT_BAD_CONFIGURATION

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Unreachable(StopTheBot):
    exit_code = EXIT_UNREACHABLE


class Halted(StopTheBot):
    exit_code = EXIT_HALTED


class BrokenInvariant(StopTheBot):
    exit_code = EXIT_DEFECT


class RetryLater(BotError):  # noqa: N818  # named for what follows from it
    pass
