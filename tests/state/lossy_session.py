"""A real session that loses some notifications, and whose socket can be cut."""


class LossySession:
    """core.ports.RpcSession around another; `loses()` is asked for each notification."""

    def __init__(self, session, loses):
        self._session = session
        self._loses = loses
        self.request, self.batch = session.request, session.batch
        self.request_undecoded = session.request_undecoded
        self.closed, self.close = session.closed, session.close
        self.lost = 0

    async def subscribe(self, params, deliver):
        def sometimes(value):
            if self._loses():
                self.lost += 1
            else:
                deliver(value)

        return await self._session.subscribe(params, sometimes)

    async def cut(self):
        """The socket goes without a word, as when a cable is pulled on the other side."""
        await self._session._wire.close()
