"""The runner's side of one peer's process."""

import os
import secrets
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from benchmarks.catalogue import Entry
from benchmarks.environments import ROOT, Library, interpreter, library_path
from benchmarks.processes import descendants, is_tracker, kill_all
from benchmarks.wire import CLOSE, MEASURE, Closed, Failed, Measured, Missing, Ready, Reply, decode

OPEN_SECONDS = 120.0
CLOSE_SECONDS = 30.0
LINE_BYTES_MAX = 65536
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class PeerMissing(Exception):
    """The peer, or something that the workload needs, is not installed."""


class PeerFailed(Exception):
    """The peer raised, died or took too long; its process has been killed."""


class Session:
    """A peer's process, started by the constructor and gone after `close` or a PeerFailed."""

    def __init__(
        self, entry: Entry, workload: str, *, library: Library | None, quick: bool, scratch: Path
    ) -> None:
        python = interpreter(entry)
        if not python.exists():
            raise PeerMissing("not installed: make bench-peers")
        self._unread = b""
        self._errors_path = scratch / f"{entry.name}-errors.txt"
        with self._errors_path.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.server", entry.name, workload, *["--quick"] * quick],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=environment(entry, scratch, library=library),
                # Ctrl-C is the runner's business: it ends the peers itself.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> Ready:
        """Return what the process says when it is up; PeerMissing or PeerFailed if it does not."""
        reply = self._read(OPEN_SECONDS)
        if not isinstance(reply, Ready):
            raise self._killed(f"answered {reply} when started")
        return reply

    def measure(self, variant: str, limit_seconds: float) -> Mapping[str, float]:
        """Return one measurement; PeerFailed after `limit_seconds`."""
        self._write(f"{MEASURE} {variant}\n")
        reply = self._read(limit_seconds)
        if not isinstance(reply, Measured):
            raise self._killed(f"answered {reply} to a measurement")
        return reply.metrics

    def close(self) -> None:
        """End the process in order; PeerFailed if it does not end, after it was killed."""
        self._write(f"{CLOSE}\n")
        reply = self._read(CLOSE_SECONDS)
        if not isinstance(reply, Closed):
            raise self._killed(f"answered {reply} when closed")
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            raise self._killed(f"did not end within {CLOSE_SECONDS:g} s") from None
        self._release()

    def kill(self) -> None:
        """Kill the process and what it started, but for trackers, which clean up and end."""
        if self._process.poll() is None:
            below = descendants(self.pid)
            self._process.kill()
            self._process.wait()
            kill_all(pid for pid in below if not is_tracker(pid))
        self._release()

    def _release(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    # What was still to be written went to a process that has ended.
                    continue

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._killed("ended between two measurements") from None

    def _read(self, limit_seconds: float) -> Reply:
        try:
            reply = decode(self._read_line(limit_seconds))
        except ValueError as error:
            raise self._killed(str(error)) from error
        if isinstance(reply, Missing):
            self.kill()
            raise PeerMissing(f"not installed: {reply.what}")
        if isinstance(reply, Failed):
            raise self._killed(reply.error)
        return reply

    def _read_line(self, limit_seconds: float) -> bytes:
        # Workers hold copies of the pipe's other end, so its end of file may never come: the
        # process itself is looked at as well.
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = monotonic() + limit_seconds
        while b"\n" not in self._unread:
            remaining = deadline - monotonic()
            if remaining <= 0:
                raise self._killed(f"no answer within {limit_seconds:g} s")
            readable, _, _ = select.select([descriptor], [], [], min(remaining, 1.0))
            if readable:
                received = os.read(descriptor, LINE_BYTES_MAX)
                if not received:
                    raise self._killed(f"ended: {self._last_error()}")
                self._unread += received
            elif self._process.poll() is not None:
                raise self._killed(f"ended: {self._last_error()}")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _last_error(self) -> str:
        lines = self._errors_path.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "nothing said")

    def _killed(self, reason: str) -> PeerFailed:
        self.kill()
        return PeerFailed(reason)


def environment(entry: Entry, scratch: Path, *, library: Library | None) -> dict[str, str]:
    """Return the environment of a peer's process: ours, one thread, scratch space of the run."""
    inherited = dict(os.environ)
    paths = [str(ROOT)]
    if entry.requirements:
        # The path and the settings of our interpreter are not those of the peer's.
        inherited.pop("VIRTUAL_ENV", None)
        if library is not None:
            paths.append(str(library_path(library)))
    elif "PYTHONPATH" in inherited:
        paths.append(inherited["PYTHONPATH"])
    return {
        **inherited,
        **ONE_THREAD,
        **entry.environment,
        **{name: secrets.token_hex(32) for name in entry.tokens},
        "PYTHONPATH": os.pathsep.join(paths),
        "TMPDIR": str(scratch),
    }
