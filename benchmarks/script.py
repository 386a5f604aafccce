"""Runs a peer's shortest program in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from benchmarks.peer import Peer, Script

Definition = Literal["in the script", "imported"]
DEFINITIONS: dict[Definition, str] = {
    "in the script": "def function(x): return x * x",
    "imported": "from benchmarks.functions import square as function",
}
MARK = "benchmark-seconds"
CLOSE_SECONDS = 30.0


class ScriptFailed(Exception):
    """A script ended without the line that it should have printed."""


def of(peer: Peer) -> Script:
    """Return the peer's program; ValueError if it has no workers to start."""
    if peer.script is None:
        raise ValueError(f"{type(peer).__name__} has no workers, so it has no program")
    return peer.script


def source(script: Script, definition: Definition, all_workers: bool) -> str:
    """Return a program that prints its seconds up to the result, waits for a line, and closes."""
    check = "values == [x * x for x in range(8)]" if all_workers else "value == 9"
    return "\n".join(
        (
            "import sys, time",
            "started = time.perf_counter()",
            script.imports,
            DEFINITIONS[definition],
            script.open,
            script.all_workers if all_workers else script.first,
            "elapsed = time.perf_counter() - started",
            f"assert {check}",
            f"print('{MARK}', elapsed, flush=True)",
            "sys.stdin.readline()",
            script.close,
        )
    )


@contextmanager
def running(program: str) -> Iterator[float]:
    """Run the program in a new interpreter, yield its seconds, and let it close afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _wait_seconds(process)
            process.communicate("\n", timeout=CLOSE_SECONDS)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise ScriptFailed(f"the script ended with {process.returncode}")


def _wait_seconds(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(MARK):
            return float(line.split()[1])
    raise ScriptFailed("the script ended before its first result")
