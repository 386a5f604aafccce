"""Progress as plain lines, where standard error is a file, a pipe or a dumb terminal."""

from typing import TextIO

from elsewhere.progress.meter import Reading
from elsewhere.progress.words import in_words

# A short map says nothing before its end, a long one does not fill the log, and none is silent for
# so long that a build service takes it for dead.
GAPS_SECONDS = (2.0, 5.0, 10.0, 30.0, 60.0)


class Lines:
    """Writes a line after 2 seconds, then ever more rarely, and one at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written = 0
        self._due = GAPS_SECONDS[0]

    def refresh(self, reading: Reading) -> float:
        if reading.elapsed >= self._due:
            self._write(reading)
            self._written = min(self._written + 1, len(GAPS_SECONDS) - 1)
            self._due = reading.elapsed + GAPS_SECONDS[self._written]
        return self._due - reading.elapsed

    def finish(self, reading: Reading) -> None:
        self._write(reading)

    def drop(self) -> None:
        pass

    def _write(self, reading: Reading) -> None:
        words = in_words(reading)
        if reading.total:
            percent = 100 * reading.done // reading.total
            words = words._replace(counts=f"{words.counts} ({percent}%)")
        # One write a line, so that lines of simultaneous maps do not mix.
        self._stream.write(f"{reading.description}: {', '.join(filter(None, words))}\n")
        self._stream.flush()
