"""What a call prints goes to the client in whole lines."""

import io
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from elsewhere.worker.output import LineWriter, redirect


class Screen:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.flushed: list[bool] = []

    def flush(self, wait: bool) -> None:
        self.flushed.append(wait)

    def writer(self) -> LineWriter:
        return LineWriter(1, self.said.append, self.flush)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_line_is_said_when_it_ends(screen: Screen) -> None:
    writer = screen.writer()
    print("one", end="", file=writer)
    assert screen.said == []
    print(" line", file=writer)
    assert screen.said == ["one line\n"]


def test_several_lines_go_together_and_the_rest_waits(screen: Screen) -> None:
    writer = screen.writer()
    assert writer.write("a\nb\nc") == 5
    assert screen.said == ["a\nb\n"]
    writer.write("d\n")
    assert screen.said == ["a\nb\n", "cd\n"]
    assert not writer.rest


def test_an_unfinished_line_is_ended_with_its_call(screen: Screen) -> None:
    writer = screen.writer()
    writer.write("un")
    writer.write("finished")
    writer.end_line()
    writer.end_line()
    assert screen.said == ["unfinished\n"]


def test_what_is_no_text_is_refused(screen: Screen) -> None:
    with pytest.raises(TypeError, match="must be str, not bytes"):
        screen.writer().write(b"x")  # type: ignore[arg-type]  # that is what is tested


def test_half_a_character_does_not_break_the_line(screen: Screen) -> None:
    screen.writer().write("\ud83d é\n")
    assert screen.said == ["\\ud83d é\n"]


def test_bytes_are_decoded_even_in_the_middle_of_a_character(screen: Screen) -> None:
    buffer = screen.writer().buffer
    assert buffer.write("é".encode()[:1]) == 1
    assert buffer.write(memoryview("é\n".encode()[1:])) == 2
    assert buffer.write(bytearray(b"\xff\n")) == 2
    assert screen.said == ["é\n", "\\xff\n"]
    assert buffer.writable()


def test_it_looks_like_a_file_that_is_no_terminal(screen: Screen) -> None:
    writer = screen.writer()
    assert isinstance(writer, io.TextIOBase)
    assert writer.writable()
    assert not writer.isatty()
    assert not writer.readable()
    assert writer.fileno() == 1
    assert (writer.encoding, writer.errors) == ("utf-8", "backslashreplace")
    writer.flush()
    assert screen.flushed == [True]


def test_a_whole_line_goes_at_once_and_part_of_one_waits(screen: Screen) -> None:
    writer = screen.writer()
    writer.write("a")
    assert screen.flushed == []
    writer.write("b\n")
    assert screen.flushed == [False]


def test_nobody_waits_for_a_link_while_others_want_to_print() -> None:
    """A finaliser may print in the thread that sends, which the printing thread waits for."""
    held: list[bool] = []

    def flush(wait: bool) -> None:
        other = threading.Thread(target=lambda: writer.write("from another thread"))
        other.start()
        other.join(10)
        held.append(other.is_alive())

    writer = LineWriter(1, lambda text: None, flush)
    writer.write("a line\n")
    assert held == [False]


def test_a_copy_writes_to_the_descriptor_itself() -> None:
    said: list[str] = []
    reader, descriptor = os.pipe()
    with open(reader, encoding="utf-8") as pipe, open(descriptor, "wb"):
        writer = LineWriter(descriptor, said.append, lambda wait: None)
        writer.write("the worker's ")
        with writer._lock:
            thread = threading.Thread(target=writer.leave)
            thread.start()
            thread.join(10)
        writer.write("a l\u00edne \ud800\nand a rest")
        assert os.read(reader, 100) == "a l\u00edne \\ud800\n".encode()
        writer.flush()
        assert os.read(reader, 100) == b"and a rest"
        assert pipe.fileno() == reader
    assert said == []


@pytest.fixture
def streams() -> Iterator[None]:
    before = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = before


@pytest.mark.usefixtures("streams")
def test_both_streams_are_redirected() -> None:
    said: list[tuple[int, str]] = []
    screens = redirect(lambda stream, text: said.append((stream, text)), lambda wait: None)
    print("out")
    print("err", file=sys.stderr)
    assert said == [(1, "out\n"), (2, "err\n")]
    assert [screen.fileno() for screen in screens] == [1, 2]
