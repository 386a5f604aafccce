"""Puts `elsewhere.Pool` where CPython's tests expect `ProcessPoolExecutor`.

Where a test looks at a private attribute to ask something that can be seen from outside (how many
processes there are, whether they have ended), the adapter answers from what the system shows.
"""

import multiprocessing
import os
import sys
import threading
import time
import unittest
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import process as futures_process
from contextlib import suppress
from multiprocessing.managers import SyncManager
from operator import attrgetter
from pathlib import Path
from pickle import PicklingError, UnpicklingError
from types import ModuleType
from typing import Any

import psutil

import elsewhere
from elsewhere import CallQuarantined, NotPicklable, Pool, RemoteTraceback
from tests.cpython_executor.suite import Suite, Test

REPOSITORY = Path(__file__).parents[2]
START_SECONDS_MAX = 10.0
END_SECONDS_MAX = 10.0
DEADLOCK_SECONDS = 30.0

HOSTS = {
    "ExecutorTest": "ProcessPoolExecutorTest",
    "ExecutorShutdownTest": "ProcessPoolShutdownTest",
}
"""Classes whose tests need what a subclass adds."""

STARTED_TOGETHER = {"test_processes_terminate"}
"""Tests that ask whether workers are started on demand ("spawn") or all at once ("fork")."""

COUNT_QUEUED = {"test_cancel_futures"}
"""Tests that rely on a call being beyond cancellation soon after its submit."""

CRASH_ERRORS: dict[str, type[BaseException]] = {
    # CPython's worker dies of what it cannot unpickle and breaks the pool. Ours fails that call, and
    # the error keeps its type.
    "test_error_at_task_unpickle": UnpicklingError,
    "test_exit_at_task_unpickle": SystemExit,
    # The same on the way back: an outcome that does not unpickle here fails its call.
    "test_error_during_result_unpickle_in_result_handler": UnpicklingError,
    "test_exit_during_result_unpickle_in_result_handler": SystemExit,
}
"""What a call fails with where it is neither CPython's error nor, for a broken pool, CallQuarantined."""


class PoolExecutor(Pool):
    """A `Pool` with the parameters of CPython's executors, and the private attributes tests read."""

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: object = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        nodes = children(os.getpid())
        threads = set(threading.enumerate())
        try:
            super().__init__(
                max_workers,
                initializer=initializer,
                initargs=initargs,
                max_tasks_per_child=max_tasks_per_child,
            )
        except ValueError as error:
            if str(error).startswith("workers must be"):
                raise ValueError("max_workers must be greater than 0") from error
            raise
        self._nodes = children(os.getpid()) - nodes
        self._io_threads = set(threading.enumerate()) - threads

    @property
    def _max_workers(self) -> int:
        return self.workers

    @property
    def _processes(self) -> dict[int, "WorkerProcess"]:
        """The workers by process id, once there are as many as there have to be."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            workers = [worker for node in self._nodes for worker in children(node)]
            if len(workers) == self.workers or time.monotonic() > deadline:
                return {worker: WorkerProcess(worker) for worker in workers}
            time.sleep(0.01)

    @property
    def _executor_manager_thread(self) -> "Remains":
        return Remains(self._nodes, self._io_threads)

    @property
    def _call_queue(self) -> "Remains":
        return Remains(self._nodes, self._io_threads)


class OtherPoolExecutor(PoolExecutor):
    """What the tests make by CPython's name. One skips itself if that is the executor under test."""


class PatientPoolExecutor(PoolExecutor):
    """Cancels calls only once the first is done.

    CPython's executor counts a call as running when it has queued it. Ours can still cancel it then,
    so that right after the submits all of them may be cancelled.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._first: futures.Future[Any] | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> elsewhere.Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        if self._first is None:
            self._first = future
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures and self._first is not None:
            futures.wait([self._first])
        super().shutdown(wait, cancel_futures=cancel_futures)


class WorkerProcess:
    """A worker, with the methods of `multiprocessing.Process` that the tests call."""

    def __init__(self, process: int) -> None:
        self._process = psutil.Process(process)

    def join(self) -> None:
        """Raises psutil.TimeoutExpired if it does not end."""
        self._process.wait(END_SECONDS_MAX)

    def terminate(self) -> None:
        self._process.terminate()


class Remains:
    """What a pool has started in this process, in place of CPython's manager and feeder threads."""

    def __init__(self, nodes: set[int], threads: set[threading.Thread]) -> None:
        self._nodes = nodes
        self._threads = threads

    def join(self) -> None:
        """Raises AssertionError if something is left."""
        for thread in self._threads:
            thread.join(END_SECONDS_MAX)
        left: list[object] = [thread for thread in self._threads if thread.is_alive()]
        left += [f"process {node}" for node in self._nodes & children(os.getpid())]
        assert not left, f"still there {END_SECONDS_MAX} s after the end of the pool: {left}"

    join_thread = join


def children(process: int) -> set[int]:
    """The process ids of the children of a process; none once it has ended.

    psutil looks at every process of the machine for that, which takes long in the test where another
    thread is always busy.
    """
    found: set[int] = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update(map(int, task.read_text().split()))
    return found


class Context:
    """What the tests ask of a multiprocessing context.

    CPython's semaphores and queues reach a process only when it is started by their context; those
    of a manager can be sent to any process.
    """

    def __init__(self, manager: SyncManager, start_method: str) -> None:
        self._start_method = start_method
        self.Semaphore = manager.Semaphore
        self.Queue = manager.Queue
        self.Manager = start_manager

    def get_start_method(self, allow_none: bool = False) -> str:
        """Only tells whether workers start together."""
        return self._start_method


def start_manager() -> SyncManager:
    """A manager's process, for what calls and tests share. End it with ``shutdown``."""
    return multiprocessing.get_context("spawn").Manager()


def adapt(suite: Suite, manager: SyncManager) -> Callable[[Test], Any]:
    """Make the loaded tests use the pool; the result makes a test case of a test."""
    from test.support import script_helper

    def assert_python_ok(*args: str) -> Any:
        *options, source = args
        for name in ("PoolExecutor", "ThreadPoolExecutor"):
            source = source.replace(
                f"from concurrent.futures import {name}\n",
                f"from {__name__} import PoolExecutor as {name}\n",
            )
        # A script of CPython 3.11 to 3.13 names this module without having imported it.
        source = f"import multiprocessing\n{source}"
        return script_helper.assert_python_ok(*options, source, PYTHONPATH=script_path())

    stand_in = stand_in_futures()
    for module in suite.modules:
        for name, value in {
            "futures": stand_in,
            "BrokenProcessPool": CallQuarantined,
            "assert_python_ok": assert_python_ok,
        }.items():
            if hasattr(module, name):
                setattr(module, name, value)
    mixin = make_mixin(suite, manager)
    cases: dict[str, type[Any]] = {}

    def make_case(test: Test) -> Any:
        if test.definer not in cases:
            cases[test.definer] = compose(suite, mixin, test.definer)
        return cases[test.definer](test.method)

    return make_case


def script_path() -> str:
    """PYTHONPATH with which a fresh interpreter finds the same tests, adapter and package."""
    package = Path(elsewhere.__file__).parents[1]
    return os.pathsep.join([sys.path[0], str(REPOSITORY), str(package)])


def stand_in_futures() -> ModuleType:
    """`concurrent.futures` as the tests see it: the pool is its executor of processes."""
    # The tests read the text of a traceback from an attribute with this name.
    RemoteTraceback.tb = property(attrgetter("text"))  # type: ignore[attr-defined]
    process = ModuleType(futures_process.__name__)
    vars(process).update(vars(futures_process), _RemoteTraceback=RemoteTraceback)
    module = ModuleType(futures.__name__)
    vars(module).update(vars(futures), ProcessPoolExecutor=OtherPoolExecutor, process=process)
    return module


class Collected:
    """Collects cycles before the look at what is left: only what still runs counts."""

    def tearDown(self) -> None:
        from test import support

        support.gc_collect()
        super().tearDown()  # type: ignore[misc]  # of the test case that this is mixed into


def make_mixin(suite: Suite, manager: SyncManager) -> type[Any]:
    """CPython's mixin for an executor of processes, made for the pool."""

    def get_context(self: Any) -> Context:
        together = self._testMethodName in STARTED_TOGETHER
        return Context(manager, "fork" if together else "spawn")

    def set_up(self: Any) -> None:
        if self._testMethodName in COUNT_QUEUED:
            self.executor_type = PatientPoolExecutor
        suite.classes["ExecutorMixin"].setUp(self)

    return type(
        "PoolMixin",
        (suite.classes["ExecutorMixin"], Collected),
        {
            "executor_type": PoolExecutor,
            "ctx": "spawn",
            "get_context": get_context,
            "setUp": set_up,
        },
    )


def make_overrides(suite: Suite) -> type[Any]:
    """What the pool answers differently, for a place before the class that defines the tests."""

    def check_crash(self: Any, error: type[BaseException], *args: Any, **kwargs: Any) -> None:
        error = CRASH_ERRORS.get(self._testMethodName, error)
        suite.classes["ExecutorDeadlockTest"]._check_crash(self, error, *args, **kwargs)

    def assert_raises(self: Any, expected: Any, *args: Any, **kwargs: Any) -> Any:
        # Ours names the offending part; pickle's own error is its cause.
        expected = NotPicklable if expected is PicklingError else expected
        return unittest.TestCase.assertRaises(self, expected, *args, **kwargs)  # noqa: PT027  # it is unittest's

    overrides = {
        "TIMEOUT": DEADLOCK_SECONDS,
        "_check_crash": check_crash,
        "assertRaises": assert_raises,
    }
    return type("PoolOverrides", (), overrides)


def compose(suite: Suite, mixin: type[Any], definer: str) -> type[Any]:
    """A test case with the tests of a class, over the pool if they use an executor."""
    classes = suite.classes
    base = classes["BaseTestCase"]
    host = classes[HOSTS.get(definer, definer)]
    bases: tuple[type[Any], ...]
    if issubclass(host, base):
        bases = (mixin, host)
    else:
        bases = (make_overrides(suite), host, mixin, base)
    # In place of CPython's class of the same tests: a worker that is sent one of its methods finds
    # CPython's by that name.
    spawn = classes["ProcessPoolSpawnMixin"]
    made = [kind for kind in classes.values() if issubclass(kind, host) and issubclass(kind, spawn)]
    if not made:
        return type(f"Pool{definer}", bases, {})
    case = type(made[0].__name__, bases, {"__module__": made[0].__module__})
    setattr(sys.modules[case.__module__], case.__name__, case)
    return case
