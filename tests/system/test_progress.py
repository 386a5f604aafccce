"""`map(progress=...)` shows how far it has come: lines in a log, a bar on a terminal."""

import importlib.util
import io
import sys

import pytest

from elsewhere import Pool
from tests.requirements import need
from tests.system import functions
from tests.system.clients import environment, run_python

PROGRAM = """
import functools
from elsewhere import Pool
from tests.system import functions

with Pool(2) as pool:
    assert list(pool.map(functions.nap, range(100), progress="napping")) == list(range(100))
    try:
        list(pool.map(functools.partial(functions.fail_on, 5), range(20), progress=True))
    except ValueError:
        print("failed as it should")
"""


def test_without_progress_nothing_is_shown(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    assert list(pool.map(functions.nap, range(20))) == list(range(20))

    assert capfd.readouterr() == ("", "")


def test_in_a_log_it_is_plain_lines() -> None:
    ended = run_python("-c", PROGRAM)

    assert (ended.returncode, ended.stdout) == (0, "failed as it should\n")
    assert "\x1b" not in ended.stderr
    assert "\r" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert [line for line in lines if line.startswith("napping: 100/100")]
    assert "failed" in lines[-1]


def test_on_a_terminal_it_is_a_bar_that_leaves_the_rest_of_the_screen_alone() -> None:
    need(importlib.util.find_spec("pexpect"), "pexpect", "pip install pexpect")
    import pexpect

    screen = io.StringIO()
    child = pexpect.spawn(
        sys.executable,
        ["-c", PROGRAM],
        env=environment(TERM="xterm", COLUMNS="100", LINES="30"),
        encoding="utf-8",
        timeout=30,
        dimensions=(30, 100),
    )
    child.logfile_read = screen
    child.expect(pexpect.EOF)
    child.close()

    said = screen.getvalue()
    assert child.exitstatus == 0, said
    assert "napping" in said
    assert "100/100" in said
    assert "failed as it should\r\n" in said
    assert "Traceback" not in said


def test_progress_does_not_change_the_results(pool: Pool) -> None:
    expected = [number**2 for number in range(500)]

    assert list(pool.map(functions.square, range(500), progress=True)) == expected
    assert list(pool.map(functions.square, iter(range(500)), progress="unknown")) == expected
    assert list(pool.map(functions.square, [], progress=True)) == []


def test_an_abandoned_map_ends_its_progress() -> None:
    program = """
import itertools
from elsewhere import Pool
from tests.system import functions

with Pool(2) as pool:
    for number in pool.map(functions.nap, itertools.count(), progress=True):
        if number == 5:
            break
    print("after")
"""
    ended = run_python("-c", program)

    assert (ended.returncode, ended.stdout) == (0, "after\n"), ended.stderr
    assert "Traceback" not in ended.stderr
