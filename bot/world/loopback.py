"""HTTP servers of the market listen on 127.0.0.1 and nowhere else."""

import errno

from aiohttp import web


class PortInUseError(OSError):
    """Another program listens there."""


async def serve_on_loopback(app: web.Application, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve `app`; the runner to clean up and the port, chosen by the system for 0. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} of 127.0.0.1 is in use by another program; choose another --port, or none for free ones"
            ) from error
        raise
    return runner, int(runner.addresses[0][1])
