"""Compile every kernel of the search before the first block: some twenty seconds from cold, under a second from the cache."""

from collections.abc import Callable


def warm_kernels(report: Callable[[str], None]) -> None:
    """Say what is warmed, then warm it, kernel by kernel. Imports numba, which takes most of a second: not before it
    is needed.
    """
    report("search kernels: cycles")
    from bot.opportunities.cycles_kernel import warm_cycles  # noqa: PLC0415  # see above

    warm_cycles()
    report("search kernels: screen")
    from bot.opportunities.screen_kernel import warm_screen  # noqa: PLC0415  # see above

    warm_screen()
    from bot.opportunities.backrun_kernel import warm_backrun  # noqa: PLC0415  # see above

    warm_backrun()
    report("search kernels: four pools")
    from bot.opportunities.four_kernel import warm_four_pools  # noqa: PLC0415  # see above

    warm_four_pools()
    report("search kernels: selection")
    from bot.opportunities.choose_kernel import warm_choose  # noqa: PLC0415  # see above
    from bot.opportunities.select_kernel import warm_select  # noqa: PLC0415  # see above

    warm_choose(warm_select())
