"""Runs the tests one by one and tells what became of each."""

import faulthandler
import os
import threading
import time
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from tests.cpython_executor.suite import Test

SECONDS_MAX = 100.0
"""A test that runs longer ends the whole run."""

STDERR = 2

ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, and how."""

    test: Test
    text: str


class Outcome(unittest.TestResult):
    """Collects what went wrong in one test: a skip counts as well, because only listed ones may."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's
        super().addError(test, err)
        self.texts.append(self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's
        super().addFailure(test, err)
        self.texts.append(self.failures[-1][1])

    def addSubTest(  # noqa: N802 - unittest's
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: ErrorInfo | None
    ) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.texts.append((self.failures or self.errors)[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's
        super().addSkip(test, reason)
        self.texts.append(f"it skipped itself and is not listed in skips.py: {reason}\n")


class Watchdog:
    """Ends the process if a test hangs, after the stacks of all threads and `clean_up`."""

    def __init__(self, clean_up: Callable[[], None]) -> None:
        self._clean_up = clean_up
        self._changed = threading.Condition()
        self._test: Test | None = None
        self._deadline = 0.0
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def watch(self, test: Test | None) -> None:
        """Begin to watch this test, or None."""
        with self._changed:
            self._test = test
            self._deadline = time.monotonic() + SECONDS_MAX
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._test is None or time.monotonic() < self._deadline:
                self._changed.wait(None if self._test is None else SECONDS_MAX)
        print(f"{self._test} hangs: it has run for {SECONDS_MAX:g} s", flush=True)
        faulthandler.dump_traceback(STDERR)
        self._clean_up()
        os._exit(1)


def run_tests(
    tests: list[Test],
    make_case: Callable[[Test], Any],
    say: Callable[[str], None],
    watchdog: Watchdog,
) -> list[Failure]:
    """Run `tests` in order; `say` is told of each. Returns those that failed."""
    from test import support

    support.verbose = False
    failures = []
    for test in tests:
        started = time.monotonic()
        watchdog.watch(test)
        text = run_test(make_case(test))
        say(f"{'FAILED' if text else 'passed'} {test} ({time.monotonic() - started:.2f} s)")
        if text:
            failures.append(Failure(test, text))
    watchdog.watch(None)
    return failures


def run_test(case: Any) -> str:
    """How the test failed, or an empty string."""
    from test import support

    outcome = Outcome()
    support.environment_altered = False
    case.run(outcome)
    if support.environment_altered:
        outcome.texts.append("it left processes or threads behind; see the warnings above\n")
    if not outcome.texts and outcome.testsRun != 1:
        outcome.texts.append("it did not run\n")
    return "".join(outcome.texts)
