"""Progress of a map: a bar on a terminal or in a notebook, now and then a line elsewhere.

``shown`` counts, keeps time and refreshes a view; ``meter`` turns counts into rates and ``words``
into text; the views are ``lines``, ``notebook`` and ``bar``, whose ``region`` keeps rows at the
bottom of a terminal.
"""

import os
import sys
import time
from typing import TextIO

from elsewhere.progress.lines import Lines
from elsewhere.progress.meter import Clock, Meter
from elsewhere.progress.notebook import Card, find_notebook
from elsewhere.progress.shown import Busy, Progress, Shown, StartTimer, View, start_timer

__all__ = ["Progress", "open_progress"]


class _Hidden:
    def advance(self, items: int, failed: int = 0) -> None:
        pass

    def close(self, *, interrupted: bool = False) -> None:
        pass


def open_progress(
    wanted: bool | str,
    total: int | None,
    busy: Busy,
    *,
    clock: Clock = time.monotonic,
    start_timer: StartTimer = start_timer,
) -> Progress:
    """Show the progress of a map until it is closed; False shows nothing, a str is its description.

    ``total`` is the number of items, None if it is not known. ``busy`` gives how many workers are
    busy and alive; it is called from a thread of its own, with no lock of ours held.
    """
    if wanted is False:
        return _Hidden()
    view = _choose_view(sys.stderr, clock)
    if view is None:
        return _Hidden()
    # A line break or an escape sequence in the description would ruin the one row that we have.
    text = wanted if isinstance(wanted, str) else ""
    printable = "".join(c if c.isprintable() else " " for c in text)
    description = " ".join(printable.split()) or "map"
    return Shown(Meter(description, total, clock), busy, view, start_timer)


def _choose_view(stream: TextIO | None, clock: Clock) -> View | None:
    publisher = find_notebook()
    if publisher is not None:
        return Card(publisher)
    if stream is None:  # as under pythonw: there is nobody to show anything to
        return None
    if _takes_bars(stream):
        # rich costs tens of milliseconds to import, so only those who see a bar pay for it.
        from elsewhere.progress.bar import Bar

        return Bar(stream, clock)
    return Lines(stream)


def _takes_bars(stream: TextIO) -> bool:
    if not stream.isatty() or os.environ.get("TERM", "").lower() in {"dumb", "unknown"}:
        return False
    # A live display of the user's own rich already owns the bottom of the terminal; lines that we
    # print through it appear above it.
    return not hasattr(stream, "rich_proxied_file")
