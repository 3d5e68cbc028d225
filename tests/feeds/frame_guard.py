"""The kernel as plain Python over memory that refuses every index outside of it; numba must be switched off."""

from frame_stage import Twins

from bot.feeds.cex.compiled_frames import entry_point


class GuardedPayload(bytes):
    """One place behind the last byte there is a NUL, as in memory; nothing else."""

    def __getitem__(self, place):
        if isinstance(place, slice) or not 0 <= place <= len(self):
            raise IndexError(f"byte {place} of {len(self)}")
        return 0 if place == len(self) else bytes.__getitem__(self, place)


class GuardedWords:
    """Words of an arena from a place on; no index is negative or beyond the end."""

    def __init__(self, words, start=0, end=None):
        self.words, self.start, self.end = words, start, len(words) if end is None else end

    def _place(self, place):
        if not 0 <= place < self.end - self.start:
            raise IndexError(f"word {place} of {self.end - self.start}")
        return self.start + int(place)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return GuardedWords(self.words, self.start + int(place.start), self.start + int(place.stop))
        return int(self.words[self._place(place)])

    def __setitem__(self, place, value):
        self.words[self._place(place)] = value


class GuardedTwins(Twins):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        reader = self.reader
        kernel, words = entry_point(), GuardedWords(reader._words)
        reader.read = lambda payload, received: kernel(words, GuardedPayload(payload), received)
