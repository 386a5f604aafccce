"""Calls may run in an environment with packages of their own, which is made once and kept."""

import os
import shutil
import signal
import sys
import threading
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

import elsewhere
from elsewhere import NotInstalled, Pool, venvs
from tests.meta.tree import ROOT
from tests.requirements import need
from tests.system import functions, inputs
from tests.system.clients import start_client
from tests.system.distributions import make_wheel
from tests.system.waiting import wait_until

WAIT = 60.0
ANSWER = "ANSWER = {}\n"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that tools can install from."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_wheel(folder, "answers", ANSWER.format(41), "1.0")
    make_wheel(folder, "answers", ANSWER.format(42), "2.0")
    return folder


def answer() -> tuple[int, str]:
    return import_module("answers").ANSWER, sys.prefix


def can_import(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


@elsewhere.task(pure=True)
def pure_answer(of: str) -> int:
    import answers  # type: ignore[import-not-found]  # the environment has it

    return int(answers.ANSWER)


def environments() -> list[Path]:
    folder = Path(venvs.cache_folder())
    return [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_workers_have_the_packages_of_their_environment(
    wheels: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "uv":
        need(venvs.uv_command(), "uv", "pip install uv")
    else:
        monkeypatch.setattr(venvs, "uv_command", lambda: None)
    with Pool(1) as pool:
        older, newer = (pool.options(packages=[f"answers=={v}.0"]) for v in "12")
        assert pool.submit(can_import, "answers").result(WAIT) is False
        value, prefix = older.submit(answer).result(WAIT)
        assert (value, Path(prefix).parent) == (41, Path(venvs.cache_folder()))
        assert newer.submit(answer).result(WAIT)[0] == 42
        assert [value for value, _ in newer.map(lambda _: answer(), range(3))] == [42] * 3
        # What is installed here, and the user's own, are there as ever.
        assert newer.submit(can_import, "msgspec").result(WAIT) is True
        assert newer.submit(functions.square, 3).result(WAIT) == 9
        assert pool.submit(can_import, "answers").result(WAIT) is False


def test_an_environment_is_made_once_whatever_the_order(wheels: Path) -> None:
    make_wheel(wheels, "questions", "ASKED = 1\n")
    with Pool(1) as pool:
        one = pool.options(packages=["questions", "answers==1.0"])
        first = one.submit(answer).result(WAIT)
        shutil.rmtree(wheels)
        again = pool.options(packages=("answers==1.0", " questions", "questions"), retries=1)
        assert again.submit(answer).result(WAIT) == first
        assert again.submit(os.getppid).result(WAIT) == one.submit(os.getppid).result(WAIT)
        assert one.options(timeout=WAIT).submit(answer).result(WAIT) == first
    with Pool(1) as pool:
        other = pool.options(packages=["answers==1.0", "questions"])
        assert other.submit(answer).result(WAIT) == first
    assert len(environments()) == 1


def test_who_wants_the_same_at_once_waits_for_who_makes_it(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making, made = threading.Semaphore(0), list[str]()
    make = venvs._make

    def make_slowly(venv: venvs.Venv, *rest: Any) -> None:
        made.append(venv.folder)
        making.acquire()
        make(venv, *rest)

    monkeypatch.setattr(venvs, "_make", make_slowly)
    found: list[venvs.Venv] = []

    def open_one() -> None:
        found.append(venvs.open_venv(("answers==1.0",)))

    threads = [threading.Thread(target=open_one) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: made, "one of them makes it")
    making.release()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 3
    assert len(set(found)) == 1


def test_what_is_half_made_is_made_anew(wheels: Path) -> None:
    venv = venvs.open_venv(("answers==1.0",))
    (Path(venv.folder) / venvs.STAMP).unlink()
    shutil.rmtree(Path(venv.folder) / "lib")
    with Pool(1) as pool:
        assert pool.options(packages=["answers==1.0"]).submit(answer).result(WAIT)[0] == 41


def test_what_cannot_be_installed_is_one_error_with_what_the_tool_said(wheels: Path) -> None:
    with Pool(1) as pool:
        with pytest.raises(NotInstalled) as caught:
            pool.options(packages=["answers==3.0"])
        assert caught.value.packages == ("answers==3.0",)
        assert str(caught.value).startswith("no environment could be made with answers==3.0: ")
        assert "answers" in caught.value.output
        assert environments() == []
        make_wheel(wheels, "answers", ANSWER.format(43), "3.0")
        assert pool.options(packages=["answers==3.0"]).submit(answer).result(WAIT)[0] == 43


def test_without_a_folder_for_caches_there_is_no_environment(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with Pool(1) as pool, pytest.raises(NotInstalled, match="file"):
        pool.options(packages=["answers==1.0"])


@pytest.mark.parametrize(
    ("packages", "error", "match"),
    [
        ("answers", TypeError, "list of requirements"),
        ([3], TypeError, "list of requirements"),
        (3, TypeError, "list of requirements"),
        ([], ValueError, "names nothing"),
        (["--pre"], ValueError, "no requirement"),
        (["-e ."], ValueError, "no requirement"),
        (["./folder"], ValueError, "no requirement"),
        (["answers\n--pre"], ValueError, "no requirement"),
        ([""], ValueError, "no requirement"),
    ],
)
def test_what_is_no_list_of_requirements_is_refused(
    packages: Any, error: type[Exception], match: str
) -> None:
    with Pool(1) as pool, pytest.raises(error, match=match):
        pool.options(packages=packages)


def test_packages_must_agree_with_what_elsewhere_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {line.partition(">")[0] for line in project["dependencies"]} == {*venvs.OWN}
    assert all("==" in constraint for constraint in venvs._own_constraints())


def test_futures_go_from_one_environment_to_another(wheels: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Pool(1) as pool:
        view = pool.options(packages=["answers==1.0"])
        waiting = pool.submit(inputs.wait_for_file, str(gate), 5)
        made = pool.submit(bytes, 2**20)
        lengths = [view.submit(len, made), view.submit(sum, [waiting, view.submit(abs, -1)])]
        mapped = view.map(abs, [waiting, 2, waiting])
        back = pool.submit(sum, [lengths[1], view.submit(abs, -7)])
        there = view.submit(bytes, 2**20 + 1)
        both = pool.submit(len, there)
        gate.touch()
        assert [future.result(WAIT) for future in lengths] == [2**20, 6]
        assert list(mapped) == [5, 2, 5]
        assert back.result(WAIT) == 13
        assert both.result(WAIT) == 2**20 + 1
        failed = view.submit(abs, pool.submit(functions.fail, "this"))
        error = failed.exception(WAIT)
        assert isinstance(error, ValueError)
        assert str(error) == "cannot use 'this'"


def test_what_a_pure_task_returned_is_of_its_environment(wheels: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    for _ in range(2):
        with Pool(1, store=tmp_path / "results.db", record=True) as pool:
            views = [pool.options(packages=[f"answers=={v}.0"]) for v in "12"]
            assert [view.submit(pure_answer, "all").result(WAIT) for view in views] == [41, 42]
            calls = [len(view.timeline()) for view in views]
    assert calls == [0, 0]


def test_a_lost_node_is_replaced_by_one_in_the_environment(wheels: Path) -> None:
    with Pool(1) as pool:
        view = pool.options(packages=["answers==1.0"])
        psutil.Process(view.submit(os.getppid).result(WAIT)).kill()
        assert view.submit(answer).result(WAIT)[0] == 41


def test_after_shutdown_nothing_is_opened(wheels: Path) -> None:
    with Pool(1) as pool:
        view = pool.options(packages=["answers==1.0"])
        future = view.submit(answer)
    assert future.result(WAIT)[0] == 41
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.options(packages=["answers==1.0"])
    with pytest.raises(RuntimeError, match="shutdown"):
        view.submit(answer)


PROGRAM = """
import sys, time
from elsewhere import Pool
with Pool(2) as pool:
    view = pool.options(packages=["answers==1.0"])
    futures = [view.submit(time.sleep, 600) for _ in range(2)] + [pool.submit(time.sleep, 600)]
    assert view.options(timeout=60).workers == 2
    while not all(future.running() for future in futures):
        time.sleep(0.01)
    print("ready", flush=True)
    futures[0].result()
"""


@pytest.mark.parametrize(
    "end",
    [lambda client: client.press_ctrl_c(), lambda client: client.process.kill()],
    ids=["Ctrl-C", "kill -9"],
)
def test_no_process_is_left_when_the_client_ends(
    wheels: Path, tmp_path: Path, end: Callable[[Any], None]
) -> None:
    with start_client(PROGRAM, tmp_path) as client:
        # The client, and twice a node and two workers; perhaps trials of what these have imported.
        assert len(client.processes()) in {7, 8, 9}
        end(client)
        client.wait_gone()
        assert client.process.wait() in {-signal.SIGKILL, -signal.SIGINT, 1, 130}
