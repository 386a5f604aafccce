"""Client programs: processes of their own that use a pool, and all that they leave behind."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

import elsewhere
from tests.system.waiting import WAIT_SECONDS_MAX, wait_until

REPOSITORY = Path(__file__).parents[2]
MARK = "ELSEWHERE_TEST_CLIENT"
READY = "ready"
_numbers = itertools.count(1)


def environment(**more: str) -> dict[str, str]:
    """The environment of a program that is to find the package and these tests."""
    path = os.pathsep.join([str(Path(elsewhere.__file__).parents[1]), str(REPOSITORY)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


def run_python(
    *arguments: str, stdin: str = "", cwd: Path | None = None, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run the interpreter to its end; `more` is added to its environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS_MAX,
        check=False,
    )


class Client:
    """A program under way. `mark` is in the environment of all its descendants."""

    def __init__(self, program: str, folder: Path) -> None:
        self.mark = f"{os.getpid()}-{next(_numbers)}"
        self._out = folder / f"{self.mark}.out"
        self._err = folder / f"{self.mark}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program],
                env=environment(**{MARK: self.mark}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._out.read_text()

    @property
    def errors(self) -> str:
        return self._err.read_text()

    def wait_ready(self) -> None:
        wait_until(
            lambda: READY in self.output.splitlines() or self.process.poll() is not None,
            "the client is ready",
        )
        assert self.process.poll() is None, self.errors

    def processes(self) -> list[psutil.Process]:
        """All processes of the client that run."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and process.environ().get(MARK) == self.mark
        except psutil.Error:
            return False  # gone meanwhile, or another user's

    def press_ctrl_c(self) -> None:
        """What a terminal does: SIGINT to every process of the foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait_end(self, seconds: float = WAIT_SECONDS_MAX) -> int:
        """The exit code, once the program has ended."""
        return self.process.wait(seconds)

    def wait_gone(self, seconds: float = WAIT_SECONDS_MAX) -> None:
        """Fails if a process of the client is left after `seconds`."""
        wait_until(lambda: not self.processes(), "no process of the client is left", seconds)


@contextmanager
def start_client(program: str, folder: Path) -> Iterator[Client]:
    """Run `program`, which prints READY when it is ready, in a session of its own."""
    client = Client(program, folder)
    try:
        client.wait_ready()
        yield client
    finally:
        for left in client.processes():
            with suppress(psutil.NoSuchProcess):
                left.kill()
        client.process.wait()
