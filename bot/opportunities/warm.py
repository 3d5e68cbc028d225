"""Compile every kernel of the search before the first block: 1-2 s from cold, milliseconds from the cache."""

from collections.abc import Callable


def warm_kernels(report: Callable[[str], None]) -> None:
    """Say what is warmed, then warm it. Imports numba, which takes most of a second: not before it is needed."""
    report("search kernels")
    from bot.opportunities.screen_kernel import warm_screen  # noqa: PLC0415  # see above

    warm_screen()
