"""A timeline: the spans of a pool, and the ways to look at them."""

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, overload

from elsewhere.calls.span import Span
from elsewhere.timeline.page import render
from elsewhere.timeline.trace import trace_of

NOTEBOOK_SPANS_MAX = 5_000
"""A notebook keeps what it shows in its file."""
NOTEBOOK_PIXELS = 640


class Timeline(Sequence[Span]):
    """What ran where and when, latest last; a slice is one, too. Equal to a list of equal spans."""

    __slots__ = ("_spans",)
    __hash__ = None  # type: ignore[assignment]  # as that of a list, which it equals

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = tuple(spans)

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Span: ...

    @overload
    def __getitem__(self, index: slice) -> "Timeline": ...

    def __getitem__(self, index: int | slice) -> "Span | Timeline":
        return Timeline(self._spans[index]) if isinstance(index, slice) else self._spans[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Timeline, list, tuple)):
            return self._spans == tuple(other)
        return NotImplemented

    def __repr__(self) -> str:
        workers = len({span.worker for span in self._spans})
        return f"<elsewhere.Timeline: {len(self)} calls on {workers} workers>"

    def html(self) -> str:
        """A page that needs nothing else, to be written as UTF-8."""
        return render(self._spans)

    def trace(self) -> dict[str, Any]:
        """A value whose JSON is a trace for https://ui.perfetto.dev, in the Trace Event Format."""
        return trace_of(self._spans)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file that ends in .html, or the trace to one that ends in .json.

        Raises ValueError for any other ending.
        """
        path = Path(path)
        match path.suffix.lower():
            case ".html":
                text = self.html()
            case ".json":
                text = json.dumps(self.trace(), separators=(",", ":"))
            case _:
                raise ValueError(
                    f"a timeline is saved as .html, a page, or as .json, a trace; not as {path.name!r}"
                )
        path.write_text(text, "utf-8")

    def _repr_html_(self) -> str:
        shown = self._spans[-NOTEBOOK_SPANS_MAX:]
        page = render(shown, left_out=len(self) - len(shown))
        # In a frame of its own, its styles and names concern nothing else in the notebook.
        return (
            f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts" title="timeline" '
            f'style="width:100%;height:{NOTEBOOK_PIXELS}px;border:0"></iframe>'
        )
