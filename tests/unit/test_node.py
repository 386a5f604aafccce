"""The node's small parts: what it says of an end, and how it is started."""

import os
import signal
import subprocess
import sys

import pytest

from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.calls.workers import Exit
from elsewhere.node.control import Exited, FromNode, KillWorker, StartWorker, ToNode
from elsewhere.node.process import NodeProcess
from elsewhere.worker.ends import describe_exit


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, Exit(0, None, 5, 7)),
        (3 << 8, Exit(3, None, 5, 7)),
        (signal.SIGKILL, Exit(None, signal.SIGKILL, 5, 7)),
        (signal.SIGSEGV | 0x80, Exit(None, signal.SIGSEGV, 5, 7)),
    ],
)
def test_a_wait_status_becomes_an_exit(status: int, expected: Exit) -> None:
    assert describe_exit(status, 5, 7) == expected


def test_orders_and_reports_travel() -> None:
    orders: FrameReader[ToNode] = FrameReader(ToNode)
    assert orders.feed(encode_frame([StartWorker(1), KillWorker(2)])) == [
        StartWorker(1),
        KillWorker(2),
    ]
    reports: FrameReader[FromNode] = FrameReader(FromNode)
    report = Exited(1, Exit(None, 9, 2**30, 4))
    assert reports.feed(encode_frame([report])) == [report]


# A program that prints its own flags and those of a child with the options that it would hand down.
COMPARES_FLAGS = """
import subprocess, sys
sys.path[:] = {path!r}
from elsewhere.node.process import interpreter_options
of = "import sys; print(list(sys.flags), sys._xoptions, sys.warnoptions)"
exec(of)
sys.stdout.flush()
subprocess.run([sys.executable, *interpreter_options(), "-c", of], check=True)
"""


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-O"],
        ["-OO", "-bb", "-B", "-d"],
        ["-E"],
        ["-s", "-P"],
        ["-I"],
        ["-S"],
        ["-E", "-s", "-P", "-S", "-B"],
        ["-Xdev", "-Werror"],
        ["-Xutf8=0", "-Xfaulthandler", "-Xint_max_str_digits=0", "-Wd", "-Wignore::UserWarning"],
    ],
    ids=" ".join,
)
def test_the_options_of_this_interpreter_are_handed_down(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-c", COMPARES_FLAGS.format(path=sys.path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    own, of_child = done.stdout.splitlines()
    assert of_child == own


def test_without_an_interpreter_there_is_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(RuntimeError, match=r"sys\.executable is not set"):
        NodeProcess()


def test_a_node_that_cannot_be_started_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        NodeProcess()
    assert len(os.listdir("/proc/self/fd")) == before
