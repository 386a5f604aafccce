"""What calls have imported is imported once more, by the node, and then is there in every new worker."""

import logging
import os
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from elsewhere import Pool
from tests.requirements import need
from tests.system import functions
from tests.system.distributions import install
from tests.system.waiting import wait_until

SETTLE_SECONDS = 2.0
"""far longer than an idle node waits before it imports what it was told of"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions that workers find."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def import_one(name: str) -> int:
    """Import a module, and return what it says about where it was imported."""
    return int(import_module(name).PID)


def loaded(*names: str) -> list[bool]:
    return [name in sys.modules for name in names]


def node_of(pool: Pool) -> psutil.Process:
    return psutil.Process(pool.submit(os.getppid).result())


NOTES_PROCESS = "import os\nPID = os.getpid()\n"


def test_a_new_worker_has_what_calls_have_imported(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS)
    with Pool(1, max_tasks_per_child=1) as pool:
        first = pool.submit(import_one, "shared_lib").result()
        wait_until(lambda: pool.submit(loaded, "shared_lib").result() == [True], "it is there")
        assert pool.submit(import_one, "shared_lib").result() == node_of(pool).pid != first


def test_submodules_come_along(folder: Path) -> None:
    with Pool(1, max_tasks_per_child=1) as pool:
        pool.submit(import_module, "xml.dom.minidom").exception()
        wait_until(
            lambda: pool.submit(loaded, "xml.dom", "xml.dom.minidom").result() == [True, True],
            "both are there",
        )
        assert pool.submit(loaded, "xml.sax").result() == [False]


def test_what_is_the_users_own_is_imported_by_each_worker(folder: Path) -> None:
    (folder / "own_module.py").write_text(NOTES_PROCESS, "utf-8")
    install(folder, "shared_lib", NOTES_PROCESS)
    with Pool(1, max_tasks_per_child=1) as pool:
        pool.submit(import_one, "own_module").result()
        pool.submit(import_one, "shared_lib").result()
        wait_until(lambda: pool.submit(loaded, "shared_lib").result() == [True], "it is there")
        assert pool.submit(loaded, "own_module").result() == [False]


STARTS_THREAD = (
    "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
)
OPENS_FILE = "FILE = open(__file__)\n"
HANDLES_SIGNAL = "import signal\nsignal.signal(signal.SIGUSR2, lambda *_: None)\n"
STARTS_PROCESS = "import subprocess, sys\nCHILD = subprocess.Popen([sys.executable, '-c', ''])\n"
CRASHES = "import os\nos.kill(os.getpid(), 11)\n"
RAISES = "raise OSError('not here')\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STARTS_THREAD, "its threads outlive a fork"),
        (OPENS_FILE, "it leaves open "),
        (HANDLES_SIGNAL, "it handles signals"),
        (STARTS_PROCESS, "it starts processes"),
    ],
)
def test_what_would_not_come_through_a_fork_is_left_out(
    folder: Path, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    install(folder, "aaa_spoils", text)
    install(folder, "shared_lib", NOTES_PROCESS)
    with caplog.at_level(logging.DEBUG, "elsewhere"), Pool(1, max_tasks_per_child=1) as pool:
        node = node_of(pool)
        pool.submit(import_module, "aaa_spoils").exception()
        pool.submit(import_one, "shared_lib").result()
        wait_until(lambda: pool.submit(loaded, "shared_lib").result() == [True], "it is there")
        assert pool.submit(loaded, "aaa_spoils").result() == [False]
        assert node_of(pool) == node
    assert f"'aaa_spoils' was not imported before workers are forked: {problem}" in caplog.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CRASHES, "importing it ended the process with signal 11"),
        (RAISES, "importing it raised OSError: not here"),
    ],
)
def test_what_fails_or_crashes_in_the_trial_harms_nobody(
    folder: Path, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    install(folder, "aaa_spoils", text)
    install(folder, "shared_lib", NOTES_PROCESS)
    with Pool(1, preload=("aaa_spoils", "shared_lib")) as pool:
        assert pool.submit(loaded, "aaa_spoils", "shared_lib").result() == [False, True]
        assert pool.submit(functions.square, 3).result() == 9
    assert f"'aaa_spoils' was not imported before workers are forked: ImportError: {problem}" in (
        caplog.text
    )


def test_what_a_user_names_is_there_in_the_first_worker_whatever_it_leaves(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS + STARTS_THREAD)
    with Pool(2, preload=["shared_lib", "json"]) as pool:
        assert pool.submit(loaded, "shared_lib", "json").result() == [True, True]
        assert pool.submit(import_one, "shared_lib").result() == node_of(pool).pid


def test_without_preload_nothing_is_imported_beforehand(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS)
    install(folder, "other_lib", NOTES_PROCESS)
    for preload in (False, ["other_lib"]):
        with Pool(1, max_tasks_per_child=1, preload=preload) as pool:
            pool.submit(import_one, "shared_lib").result()
            time.sleep(SETTLE_SECONDS)
            assert pool.submit(loaded, "shared_lib").result() == [False]


def test_what_calls_import_in_an_environment_of_their_own_is_left_to_them(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS)

    def prepare() -> None:
        os.environ["SHARED_LIB_THREADS"] = "1"

    with Pool(1, max_tasks_per_child=1, initializer=prepare) as pool:
        pool.submit(import_one, "shared_lib").result()
        time.sleep(SETTLE_SECONDS)
        assert pool.submit(loaded, "shared_lib").result() == [False]


def draw() -> tuple[float, float]:
    import random

    import numpy as np

    return random.random(), float(np.random.rand())


def test_a_library_may_change_the_environment_itself(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS + "os.environ['SHARED_LIB'] = 'here'\n")
    with Pool(1, max_tasks_per_child=1) as pool:
        pool.submit(import_one, "shared_lib").result()
        wait_until(lambda: pool.submit(loaded, "shared_lib").result() == [True], "it is there")
        assert pool.submit(os.getenv, "SHARED_LIB").result() == "here"


def test_workers_do_not_draw_the_same_numbers() -> None:
    need(find_spec("numpy"), "numpy", "pip install numpy")
    with Pool(1, max_tasks_per_child=1, preload=["numpy"]) as pool:
        assert pool.submit(loaded, "numpy").result() == [True]
        drawn = [pool.submit(draw).result() for _ in range(4)]
    assert len({first for first, _ in drawn}) == len({second for _, second in drawn}) == 4


@pytest.mark.parametrize(
    ("preload", "error", "match"),
    [
        ("no_such_module_at_all", ValueError, "there is no such module"),
        (["no_such_module_at_all"], ValueError, "there is no such module"),
        (["tests"], ValueError, "may be edited"),
        ([3], TypeError, "names of modules"),
        (3, TypeError, "names of modules"),
        (None, TypeError, "names of modules"),
    ],
)
def test_names_that_make_no_sense_are_refused(
    preload: object, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        Pool(1, preload=preload)  # type: ignore[arg-type]  # what the test is about


def test_a_lost_node_is_replaced_by_one_that_imports_nothing(folder: Path) -> None:
    install(folder, "shared_lib", NOTES_PROCESS)
    with Pool(1, preload=["shared_lib"]) as pool:
        node = node_of(pool)
        node.kill()
        assert pool.submit(loaded, "shared_lib").result() == [False]


def test_a_pool_ends_while_something_is_tried(folder: Path) -> None:
    started = folder / "started"
    install(
        folder, "hangs", f"import time\nopen({str(started)!r}, 'w').close()\ntime.sleep(3600)\n"
    )
    pool = Pool(1, preload=["hangs"])
    node = psutil.Process(pool._session._host._engine._node._process)  # type: ignore[attr-defined]  # the local engine
    wait_until(started.exists, "the trial has begun")
    (trial,) = node.children()
    pool._session.terminate()
    assert psutil.wait_procs([node, trial], 10)[1] == []


def test_a_trial_ends_with_its_node(folder: Path) -> None:
    started = folder / "started"
    install(
        folder, "hangs", f"import time\nopen({str(started)!r}, 'w').close()\ntime.sleep(3600)\n"
    )
    pool = Pool(1, preload=["hangs"])
    node = psutil.Process(pool._session._host._engine._node._process)  # type: ignore[attr-defined]  # the local engine
    wait_until(started.exists, "the trial has begun")
    (trial,) = node.children()
    node.kill()
    assert psutil.wait_procs([trial], 10)[1] == []
    with pool:
        assert pool.submit(functions.square, 3).result() == 9
