"""A stream that fails, or a bar, is told of once; the work goes on."""

import io
import logging
import sys
from typing import Any

import pytest

from elsewhere.chunks import Meter
from elsewhere.reports import report
from elsewhere.screen import Screen
from tests.unit.map_sender import Sender


class Broken(io.StringIO):
    """What a notebook's stream may be once its kernel's channel is gone."""

    def write(self, text: str) -> int:
        raise AttributeError("no channel")


class BrokenBar:
    def advance(self, items: int, failed: int = 0) -> None:
        raise LookupError("no bar")

    def close(self, *, interrupted: bool = False) -> None:
        raise AssertionError("it was given up")


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii", newline="\n")

    def text(self) -> str:
        raw: Any = self.buffer
        return bytes(raw.getvalue()).decode()


@pytest.mark.parametrize(("stream", "name"), [(1, "stdout"), (2, "stderr")])
def test_a_stream_that_fails_is_told_of_once(
    stream: int, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, name, Broken())

    screen.say(stream, "one\n")
    screen.say(stream, "two\n")

    (record,) = caplog.records
    said = f"sys.{name} cannot show what workers print: AttributeError: no channel"
    assert record.getMessage() == said
    mended = io.StringIO()
    monkeypatch.setattr(sys, name, mended)
    screen.say(stream, "three\n")
    assert mended.getvalue() == "three\n"


def test_without_a_stream_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    Screen().say(1, "one\n")
    assert not caplog.records


def test_what_a_stream_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Ascii()
    monkeypatch.setattr(sys, "stdout", stream)
    Screen().say(1, "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n")
    assert stream.text() == "caf\\xe9\n"


def test_a_log_on_the_broken_stream_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("elsewhere")
    closed = io.StringIO()
    closed.close()
    handler = logging.StreamHandler(closed)
    monkeypatch.setattr(sys, "stderr", closed)
    monkeypatch.setattr(log, "propagate", False)
    log.addHandler(handler)
    try:
        with pytest.raises(ValueError, match="closed file"):
            log.error("as a log does by itself")
        report("what", ValueError())
        Screen().say(2, "one\n")
    finally:
        log.removeHandler(handler)


def test_a_bar_that_fails_is_given_up_and_the_map_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = Sender().map(abs, range(9), chunksize=2, bar=BrokenBar()).results(None)
    assert list(results) == list(range(9))
    (record,) = caplog.records
    assert record.getMessage() == "the progress of a map can no longer be shown"


def test_a_meter_closes_its_bar_once() -> None:
    closed: list[str] = []

    class Bar(BrokenBar):
        def close(self, *, interrupted: bool = False) -> None:
            closed.append("closed")

    meter = Meter(Bar())
    meter.close(interrupted=False)
    meter.close(interrupted=False)
    assert closed == ["closed"]
