"""A session that leaves a process behind fails and names it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.processes import SESSION_VARIABLE, Process, left_behind, session_name, started_by
from tests.meta.tree import ROOT
from tests.requirements import need

# Says that it runs, then waits for the end of its input.
WAITING = "import sys; print(flush=True); sys.stdin.read()"
NO_GRACE = 0.0


def pids(processes: list[Process]) -> set[int]:
    return {process.pid for process in processes}


@pytest.fixture(autouse=True)
def proc() -> None:
    need(Path("/proc/self/environ").exists(), "/proc", "mount -t proc proc /proc")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WAITING]
    environment = {**os.environ, SESSION_VARIABLE: "outer inner"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def test_a_process_is_known_by_each_session_of_its_environment(
    child: subprocess.Popen[bytes],
) -> None:
    # There is no such leader, so that only the environment counts.
    for session in ("inner", "outer"):
        assert pids(started_by(session, leader=-1)) == {child.pid}
    assert started_by("another", leader=-1) == []


def test_a_child_is_known_by_its_parent(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in pids(started_by("another", os.getpid()))


def test_an_orphan_with_a_clean_environment_is_known_by_its_command() -> None:
    # The middle process starts the node and ends; the node waits for the end of our pipe.
    middle = (
        "import subprocess, sys; command = [sys.executable, '-c', sys.argv[1], 'elsewhere.node'];"
        "node = subprocess.Popen(command, env={}, stdout=subprocess.PIPE);"
        "node.stdout.readline(); print(node.pid)"
    )
    reading, writing = os.pipe()
    try:
        command = [sys.executable, "-c", middle, WAITING]
        node = int(
            subprocess.run(command, stdin=reading, stdout=subprocess.PIPE, check=True).stdout
        )
        assert node in pids(left_behind("another", NO_GRACE))
    finally:
        os.close(reading)
        os.close(writing)
    assert node not in pids(left_behind("another", grace_seconds=10.0))


def test_a_process_that_ends_in_time_is_not_left_behind(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in pids(left_behind("inner", NO_GRACE))
    child.communicate()
    assert child.pid not in pids(left_behind("inner", NO_GRACE))


def test_a_session_has_one_name() -> None:
    assert session_name() == session_name()
    assert session_name() in os.environ[SESSION_VARIABLE].split()


LEAKING = """
import subprocess, sys
def test_leak():
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", "input('elsewhere-leaks')"]
    held.append(subprocess.Popen(command, stdin=pipe, start_new_session=True))
    assert held
held = []
"""
TIDY = "def test_tidy():\n    assert True is not False\n"


@pytest.mark.parametrize(("text", "status"), [(LEAKING, 1), (TIDY, 0)])
def test_a_session_that_leaves_a_process_behind_fails(
    tmp_path: Path, text: str, status: int
) -> None:
    (tmp_path / "test_it.py").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull]
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert ("left behind by this session" in done.stdout) == bool(status)
    assert ("elsewhere-leaks" in done.stdout) == bool(status)
