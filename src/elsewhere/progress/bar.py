"""Progress as a bar on a terminal, drawn with rich."""

from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from elsewhere.progress.meter import Clock, Reading
from elsewhere.progress.region import REDRAW_SECONDS, Region
from elsewhere.progress.words import in_words

BAR_CELLS_MAX = 40
BAR_CELLS_MIN = 6
DESCRIPTION_CELLS_MAX = 40
# Reserved for the words, so that the bar's width does not change with them.
WORDS_CELLS = 50

_region = Region()


class Bar:
    """One row of the terminal."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._clock = clock
        self._console = Console(file=stream, force_jupyter=False)
        self._spinner = Spinner("line" if self._console.options.ascii_only else "dots")

    def refresh(self, reading: Reading) -> float:
        _region.put(self, self._row(reading), self._clock())
        return REDRAW_SECONDS

    def finish(self, reading: Reading) -> None:
        try:
            row = self._row(reading)
        except BaseException:
            _region.drop(self)
            raise
        _region.finish(self, row)

    def drop(self) -> None:
        _region.drop(self)

    def _row(self, reading: Reading) -> str:
        # The last column stays free: a terminal may wrap a row that fills it.
        cells = max(self._console.width - 1, 1)
        description = Text(reading.description, style="progress.description")
        description.truncate(min(DESCRIPTION_CELLS_MAX, cells // 3), overflow="ellipsis")
        parts: list[RenderableType] = [description]
        parts.extend(self._picture(reading, cells - cell_len(description.plain) - WORDS_CELLS))
        parts.append(_text(reading))
        row = Table.grid(padding=(0, 1))
        for _ in parts:
            row.add_column(no_wrap=True, overflow="crop")
        row.add_row(*parts)
        with self._console.capture() as capture:
            self._console.print(row, width=cells, no_wrap=True, crop=True, soft_wrap=False)
        return capture.get().partition("\n")[0].rstrip()

    def _picture(self, reading: Reading, cells: int) -> list[RenderableType]:
        if reading.total is None:
            return [] if reading.closed else [self._spinner.render(reading.elapsed)]
        width = min(cells, BAR_CELLS_MAX)
        if width < BAR_CELLS_MIN:
            return []
        # An empty map is a finished one.
        done, total = (reading.done, reading.total) if reading.total else (1, 1)
        return [ProgressBar(total=total, completed=done, width=width)]


def _text(reading: Reading) -> Text:
    words = in_words(reading)
    styled = (
        (words.counts, "progress.download"),
        (words.failed, "bold red"),
        (words.rate, "progress.data.speed"),
        (words.time, "progress.remaining"),
        (words.busy, "dim"),
    )
    return Text("  ").join(Text(text, style=style) for text, style in styled if text)
