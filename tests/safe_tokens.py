"""bot.loop.TokenGuard to which every token is safe, unless told what its checks change."""


class SafeTokens:
    """`changes`: the pools that each check gives back, one entry a block. `taken_in`: the blocks it was told of."""

    def __init__(self):
        self.taken_in = []
        self.changes = []

    def take_in(self, head):
        self.taken_in.append(head.number)

    async def check(self, head):
        return self.changes.pop(0) if self.changes else ()
