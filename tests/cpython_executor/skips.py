"""Every test of CPython's suite that is not run against the pool, with the reason.

The runner refuses a skip that is not listed here, and an entry that matches no test.
"""

from dataclasses import dataclass

from tests.cpython_executor.suite import MINOR, Test

FIRST = (3, 11)
THREADS = "counts the threads of ThreadPoolExecutor or reads their names"
SHARED = "shares an object of this process with its calls, which threads can and processes cannot"
BROKEN = "wants a pool that breaks with one of its workers; ours replaces the worker"
BY_HAND = "makes a future by hand and sets its private state; ours are made by a pool"
ON_DEMAND = "counts workers that are started on demand; ours start together"
RESOURCES = "runs CPython's own executor and looks at multiprocessing's resource tracker"


@dataclass(frozen=True, slots=True)
class Skip:
    """A test that is not run. It has to exist from Python ``since`` on; ``until`` is the last one
    that skips it.
    """

    test: Test
    reason: str
    since: tuple[int, int] = FIRST
    until: tuple[int, int] | None = None

    @property
    def is_in_force(self) -> bool:
        """Whether this Python skips the test, if its suite has it."""
        return self.until is None or self.until >= MINOR

    @property
    def is_certain(self) -> bool:
        """Whether this Python's suite has the test, whatever its patch level."""
        return self.is_in_force and self.since <= MINOR


def _skips(definer: str, reasons: dict[str, str]) -> list[Skip]:
    return [Skip(Test(definer, method), reason) for method, reason in reasons.items()]


FUTURE_TESTS = (
    "test_cancel",
    "test_cancelled",
    "test_done",
    "test_done_callback_already_cancelled",
    "test_done_callback_already_failed",
    "test_done_callback_already_successful",
    "test_done_callback_raises",
    "test_done_callback_raises_already_succeeded",
    "test_done_callback_with_cancel",
    "test_done_callback_with_exception",
    "test_done_callback_with_result",
    "test_exception_with_success",
    "test_exception_with_timeout",
    "test_multiple_set_exception",
    "test_multiple_set_result",
    "test_repr",
    "test_result_with_cancel",
    "test_result_with_success",
    "test_result_with_timeout",
    "test_running",
)

TABLE: list[Skip] = [
    *_skips(
        "ThreadPoolExecutorTest",
        {
            "test_default_workers": "asks for ThreadPoolExecutor's default number of threads",
            "test_executor_map_current_future_cancel": SHARED,
            "test_idle_thread_reuse": THREADS,
            "test_map_submits_without_iteration": SHARED,
            "test_saturation": THREADS,
        },
    ),
    *_skips(
        "ThreadPoolShutdownTest",
        {
            "test_context_manager_shutdown": THREADS,
            "test_del_shutdown": THREADS,
            "test_shutdown_no_wait": THREADS,
            "test_thread_names_assigned": THREADS,
            "test_thread_names_default": THREADS,
            "test_threads_terminate": THREADS,
        },
    ),
    Skip(
        Test("ThreadPoolShutdownTest", "test_cancel_futures_wait_false"),
        "wants a call to run at the very moment of its submit; newer versions of the test do not",
        until=(3, 12),
    ),
    *_skips("ThreadPoolWaitTests", {"test_pending_calls_race": SHARED}),
    *_skips(
        "ProcessPoolExecutorTest",
        {
            "test_idle_process_reuse_multiple": ON_DEMAND,
            "test_idle_process_reuse_one": ON_DEMAND,
            "test_killed_child": BROKEN,
            "test_max_tasks_per_child_defaults_to_spawn_context": (
                "asks for a start method of multiprocessing; the pool has one way to start workers"
            ),
            "test_max_workers_too_large": "is about a limit on Windows",
        },
    ),
    Skip(
        Test("ProcessPoolExecutorTest", "test_python_finalization_error"),
        "makes the second thread of CPython's executor fail to start; the pool has one",
        since=(3, 13),
    ),
    *_skips("FutureTests", dict.fromkeys(FUTURE_TESTS, BY_HAND)),
    *_skips(
        "FailingInitializerMixin",
        {
            "test_initializer": (
                "wants a pool that is broken for good, says so in _broken and refuses to submit; "
                "ours fails each call with InitializerFailed"
            )
        },
    ),
    Skip(Test("FailingInitializerResourcesTest", "test_forkserver"), RESOURCES, since=(3, 12)),
    Skip(Test("FailingInitializerResourcesTest", "test_spawn"), RESOURCES, since=(3, 12)),
    Skip(
        Test("ExecutorDeadlockTest", "test_gh105829_should_not_deadlock_if_wakeup_pipe_full"),
        "replaces the wake-up pipe inside CPython's executor",
        since=(3, 12),
    ),
]


def listed(tests: list[Test]) -> dict[Test, str]:
    """The reasons of the skips among `tests`, those of the running Python's suite.

    Raises LookupError for an entry that matches none of them although it has to.
    """
    known = set(tests)
    stale = [str(skip.test) for skip in TABLE if skip.is_certain and skip.test not in known]
    if stale:
        raise LookupError(f"skips of tests that this suite does not have: {', '.join(stale)}")
    return {skip.test: skip.reason for skip in TABLE if skip.is_in_force and skip.test in known}
