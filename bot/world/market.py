"""Running the local market: until it is cancelled, or as a process of its own with an exit code."""

from __future__ import annotations

import asyncio
import signal
import sys

from aiohttp import ClientError

from bot.core.errors import EXIT_BAD_CONFIGURATION, EXIT_DEFECT, EXIT_GOOD, EXIT_UNREACHABLE, StopTheBot
from bot.world.anvil import AnvilError, AnvilStartError
from bot.world.assembly import Report, open_market
from bot.world.founding_blocks import GenesisError
from bot.world.market_config import MarketConfig
from bot.world.parts import PartMissingError
from bot.world.sealing import MarketBrokenError

__all__ = ["MarketConfig", "run_market", "run_market_process"]


async def run_market(config: MarketConfig, report: Report) -> None:
    """Run until cancelled; everything is closed then. Raises what `open_market` and `MarketEngine.run` raise."""
    async with open_market(config, report) as market:
        await market.engine.run()


def run_market_process(config: MarketConfig) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP; the exit code. Says in one line why it could not."""
    try:
        asyncio.run(_until_signal(config))
    except StopTheBot as error:
        return _say(str(error), error.exit_code)
    except (AnvilError, ClientError) as error:
        return _say(f"The chain of the market no longer answers: {error}", EXIT_UNREACHABLE)
    except (AnvilStartError, PartMissingError, OSError) as error:
        return _say(f"The market cannot start: {error}", EXIT_UNREACHABLE)
    except ValueError as error:
        return _say(f"The market cannot be made: {error}", EXIT_BAD_CONFIGURATION)
    except (MarketBrokenError, GenesisError) as error:
        return _say(f"The market stops, a defect of its own: {error}", EXIT_DEFECT)
    return EXIT_GOOD


async def _until_signal(config: MarketConfig) -> None:
    running = asyncio.create_task(run_market(config, _report))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        if not running.cancelled():
            raise


def _report(step: str, detail: str) -> None:
    print(f"  market   {step:<19} {detail}", flush=True)  # noqa: T201  # a process that reports to a person


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr)  # noqa: T201  # a process that reports to a person
    return code
