"""What holds for every test session: nothing that it started is left running after it."""

import gc
import os

import pytest

from tests.meta.processes import SESSION_VARIABLE, Process, end, left_behind, session_name

# Time that a process has to end by itself after the last test.
GRACE_SECONDS = 3.0

_left: list[Process] = []


def pytest_configure() -> None:
    # A process is known by its environment, which outlives its parents. A session that runs
    # inside another one (a test of this very check does) adds its name and so belongs to both.
    outer = os.environ.get(SESSION_VARIABLE, "")
    os.environ[SESSION_VARIABLE] = f"{outer} {session_name()}".strip()


def pytest_collection_finish() -> None:
    # Some tests collect garbage again and again, and need not look at all other tests each time.
    gc.collect()
    gc.freeze()


# Last, so that the fixtures of the whole session have been torn down.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    _left[:] = left_behind(session_name(), GRACE_SECONDS)
    if not _left:
        return
    end(_left)
    if session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _left:
        return
    terminalreporter.section("left behind by this session, and now killed", red=True)
    for process in _left:
        terminalreporter.line(str(process), red=True)
