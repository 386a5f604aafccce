"""What holds for every test session: nothing that it started is left running after it."""

import os
from collections.abc import Iterator

import pytest

from tests.meta.processes import SESSION_VARIABLE, Process, end, left_behind, session_name

# Seconds that a process has to end by itself after the last test.
GRACE_SECONDS = 5.0

_left: list[Process] = []


def pytest_configure(config: pytest.Config) -> None:
    # A process is known by its environment, which outlives its parents. A session inside a
    # session (a test of this very check) belongs to both.
    outer = os.environ.get(SESSION_VARIABLE, "")
    config.add_cleanup(lambda: os.environ.__setitem__(SESSION_VARIABLE, outer))
    os.environ[SESSION_VARIABLE] = f"{outer} {session_name()}".strip()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    _left[:] = left_behind(session_name(), GRACE_SECONDS)
    if _left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        end(_left)
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left:
        terminalreporter.section("processes left behind by this session", red=True)
        for process in _left:
            terminalreporter.line(str(process), red=True)
