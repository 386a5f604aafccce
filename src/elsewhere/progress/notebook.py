"""Progress in a notebook: one output of the cell, updated in place."""

import html
import sys
import uuid
from typing import Protocol

from elsewhere.progress.meter import Reading
from elsewhere.progress.words import in_words

# Every refresh is a message to the browser.
REFRESH_SECONDS = 0.25


class Publisher(Protocol):
    """What a kernel shows outputs with: IPython's ``DisplayPublisher``."""

    def publish(
        self, data: dict[str, str], *, transient: dict[str, str], update: bool
    ) -> object: ...


def find_notebook() -> Publisher | None:
    """The publisher of the kernel that runs this code, None outside kernels."""
    # Never imported by us: code that runs in a kernel has it already.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython is not None else None
    kinds = type(shell).__mro__
    if shell is None or not any(kind.__name__ == "ZMQInteractiveShell" for kind in kinds):
        return None
    publisher: Publisher = shell.display_pub
    return publisher


class Card:
    """One output of a notebook cell."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._transient = {"display_id": uuid.uuid4().hex}
        self._published: dict[str, str] | None = None

    def refresh(self, reading: Reading) -> float:
        self._publish(reading)
        return REFRESH_SECONDS

    def finish(self, reading: Reading) -> None:
        self._publish(reading)

    def drop(self) -> None:
        pass

    def _publish(self, reading: Reading) -> None:
        data = _card(reading)
        if data == self._published:
            return
        self._publisher.publish(data, transient=self._transient, update=self._published is not None)
        self._published = data


def _card(reading: Reading) -> dict[str, str]:
    words = in_words(reading)
    separator = " \N{MIDDLE DOT} "
    plain = f"{reading.description}: {separator.join(filter(None, words))}"
    if words.failed:
        words = words._replace(failed=f'<span style="color:#d33">{words.failed}</span>')
    return {
        "text/plain": plain,
        "text/html": (
            '<div style="white-space:nowrap;font-variant-numeric:tabular-nums">'
            f"{html.escape(reading.description)} {_bar(reading)} "
            f"{separator.join(filter(None, words))}</div>"
        ),
    }


def _bar(reading: Reading) -> str:
    style = 'style="width:20em;vertical-align:middle"'
    if reading.total is not None:
        # An empty map is a finished one, and a bar's maximum must be positive.
        value, most = (reading.done, reading.total) if reading.total else (1, 1)
        return f'<progress {style} value="{value}" max="{most}"></progress>'
    return "" if reading.closed else f"<progress {style}></progress>"
