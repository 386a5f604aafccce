"""What the node imports before it forks the next worker: what calls have imported, or what it is told to.

A module is imported here once a trial of its package has gone well. Starting workers comes first, and so do
calls: trials and imports wait until no worker has been started for a while and a processor is free. Where
workers come and go, or a worker has ended at all, they do not wait that long; and only what is to be there
from the first worker on, the workers wait for.
"""

import gc
import os
import signal
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from select import POLLIN, poll
from time import clock_gettime, monotonic
from typing import NoReturn

from elsewhere.calls.wire import FrameReader, encode_frame
from elsewhere.cpus import usable_cpus
from elsewhere.node.control import Preload, Refused
from elsewhere.node.trial import Tried, load, packages_of, run_trial
from elsewhere.worker.ends import end_group_with

QUIET_SECONDS = 0.1
"""How long no worker must have been started."""
QUIET_SECONDS_MAX = 1.0
"""How long to wait for that."""
BUSY_SECONDS = 0.25
BUSY_SECONDS_MAX = 8.0
"""How often to look whether a processor is free; ever less often."""
FREE_SHARE = 0.75
"""How much of one processor workers must leave, for it to be called free."""
PACKAGE_SECONDS_MAX = 60.0
"""How long importing one package may take in a trial."""
LIGHT_SECONDS = 0.05
"""What is imported sooner than this is left to workers, until it is known that they come and go: a pool
that idles should not pay for it with memory."""
TRIALS_MAX = 32
"""Each ends with the first package that may not be imported."""
RECEIVE_BYTES = 65536


class Trial:
    """A process that tries `packages`, as its parent sees it."""

    def __init__(self, packages: list[str], process: int, results: int, lifeline: int) -> None:
        self.packages = packages
        self.process = process
        self.results = results
        """the descriptor on which it says what it has found"""
        self.lifeline = lifeline
        """the descriptor whose closing ends it"""
        self.reader: FrameReader[Tried] = FrameReader(Tried)
        self.deadline = monotonic() + PACKAGE_SECONDS_MAX
        self.late = False
        self.tried: list[Tried] = []

    def hear(self) -> bool:
        """Take in what it says; False if that is all, for now or for ever."""
        try:
            data = os.read(self.results, RECEIVE_BYTES)
        except BlockingIOError:
            return False
        if data:
            self.tried += self.reader.feed(data)
            self.deadline = monotonic() + PACKAGE_SECONDS_MAX
        return bool(data)

    def close(self) -> None:
        os.close(self.results)
        os.close(self.lifeline)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)


class Preloading:
    """What is wanted, what is tried, and what is there.

    `say` tells the engine, `leave` is called in a new process, which must not have what is the node's,
    `ready` is what the node polls, and `workers` are its processes.
    """

    def __init__(
        self,
        say: Callable[[Refused], None],
        leave: Callable[[], None],
        ready: poll,
        workers: Collection[int],
    ) -> None:
        self._say = say
        self._leave = leave
        self._ready = ready
        self._workers = workers
        self._known: set[str] = set()
        self._wanted: list[str] = []
        """modules that were not tried"""
        self._accepted: dict[str, Tried] = {}
        """packages that were, and that are not imported"""
        self._light: dict[str, Tried] = {}
        """those of them that are not worth it as long as no worker has ended"""
        self._variables: set[str] = set()
        """those of the environment that must be changed by importing them, or calls have changed them"""
        self.trial: Trial | None = None
        self._tried: frozenset[str] = frozenset()
        """what was wanted when it began"""
        self._trials = 0
        self._quiet = 0.0
        self._latest = 0.0
        self._pause = BUSY_SECONDS
        self._looked = 0.0
        self._used = 0.0
        """processor time of the workers when that was looked at"""
        self._replacing = False
        self._first = False

    def ask(self, order: Preload) -> None:
        """These modules are wanted."""
        new = [name for name in order.modules if name not in self._known]
        self._known.update(new)
        if new and not self._is_busy():
            self._latest = monotonic() + QUIET_SECONDS_MAX
            self._pause = BUSY_SECONDS
            self._looked, self._used = monotonic(), processor_seconds(self._workers)
        self._wanted += new
        self.expect_changed(order.variables)
        self._first = order.first
        self.disturb()

    def expect_changed(self, variables: Iterable[str]) -> None:
        """Calls have changed these variables of the environment; what is imported must, too."""
        self._variables.update(variables)

    @property
    def first(self) -> bool:
        """Whether workers are to be started with what is wanted, and so wait for it."""
        return self._first and self._is_busy()

    def disturb(self) -> None:
        """A worker is being started."""
        if self._is_busy():
            self._quiet = monotonic() + QUIET_SECONDS

    def worker_ended(self) -> None:
        """A worker has ended, so there will be another one."""
        self._replacing = True
        self._accepted |= self._light
        self._light = {}

    def _is_busy(self) -> bool:
        return bool(self._wanted or self._accepted or self.trial)

    def seconds_to_wait(self) -> float | None:
        """How long until there is something to do; None: until something comes."""
        if self.trial is not None:
            return max(0.0, self.trial.deadline - monotonic())
        if not self._is_busy():
            return None
        return 0.0 if self.first else max(0.0, min(self._quiet, self._latest) - monotonic())

    def tend(self) -> None:
        """Do what is due."""
        if self.seconds_to_wait() != 0:
            return
        if self.trial is not None:
            self.trial.late = True
            self.trial.deadline = monotonic() + PACKAGE_SECONDS_MAX
            self.trial.kill()
        elif not (self.first or self._replacing or self._finds_free_processor()):
            self._quiet = self._latest = monotonic() + self._pause
            self._pause = min(2 * self._pause, BUSY_SECONDS_MAX)
        elif self._wanted:
            self._try()
        else:
            self.load()

    def _finds_free_processor(self) -> bool:
        """Whether workers have left one since the last look."""
        now, used = monotonic(), processor_seconds(self._workers)
        passed, spent = now - self._looked, used - self._used
        self._looked, self._used = now, used
        return spent <= (usable_cpus() - FREE_SHARE) * passed

    def accept(self, tried: Iterable[Tried]) -> None:
        """A trial has found these to be importable."""
        self._accepted |= {one.package: one for one in tried}

    def load(self) -> None:
        """Import what was accepted."""
        accepted, self._accepted = self._accepted, {}
        if not (self._first or self._replacing):
            self._light |= {
                name: one
                for name, one in accepted.items()
                # What changes the environment must be there before who is judged by that.
                if one.seconds < LIGHT_SECONDS and not one.variables
            }
            accepted = {n: one for n, one in accepted.items() if n not in self._light}
        for tried in accepted.values():
            self._variables.difference_update(tried.variables)
        if self._variables and not self._first:
            names = ", ".join(sorted(self._variables))
            self._refuse(list(accepted), f"calls have changed the environment: {names}")
            return
        for tried in accepted.values():
            if problem := load(tried.modules):
                self._refuse([tried.package], problem)
        gc.freeze()  # as all else that workers share

    # ------------------------------------------------------------ trials

    def _try(self) -> None:
        tried = [name for one in self._accepted.values() for name in one.modules]
        packages = packages_of([*tried, *self._wanted])
        self._trials += 1
        if self._trials > TRIALS_MAX:
            self._give_up(f"{TRIALS_MAX} trials were made, which is enough")
            return
        opened = list(os.pipe())
        try:
            opened += os.pipe()
            process = os.fork()
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            self._give_up(f"it could not be tried ({error})")
            return
        results, said, lifeline, other_end = opened
        if process == 0:
            os.close(results)
            os.close(other_end)
            self._become_trial(packages, said, lifeline)
        with suppress(OSError):
            os.setpgid(process, process)  # whoever is first: it may have done so, or be gone
        os.close(said)
        os.close(lifeline)
        os.set_blocking(results, False)
        self._ready.register(results, POLLIN)
        self.trial = Trial(list(packages), process, results, other_end)
        self._tried = frozenset(self._wanted)

    def _become_trial(self, packages: dict[str, list[str]], said: int, lifeline: int) -> NoReturn:
        code = 1
        try:
            self._leave()
            os.setpgid(0, 0)
            end_group_with(lifeline)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            run_trial(
                packages,
                lambda tried: _write(said, encode_frame([tried])),
                vouched=self._first,
            )
            code = 0
        finally:
            os._exit(code)

    def hear(self) -> None:
        """The trial has said something, or has closed its end."""
        if self.trial is not None and not self.trial.hear():
            self._ready.unregister(self.trial.results)

    def is_trial(self, process: int) -> bool:
        """Whether this process is the trial under way."""
        return self.trial is not None and self.trial.process == process

    def ended(self, status: int) -> None:
        """The trial has ended with this wait status."""
        trial, self.trial = self.trial, None
        if trial is None:
            return
        trial.kill()  # what it has started must not run on
        while trial.hear():
            pass
        with suppress(KeyError):
            self._ready.unregister(trial.results)
        trial.close()
        found = {tried.package: tried for tried in trial.tried}
        left = [package for package in trial.packages if package not in found]
        code = os.waitstatus_to_exitcode(status)
        if code and left:
            # It has ended in the middle of this one.
            problem = f"importing it ended the process with {_describe(code)}"
            if trial.late:
                problem = f"importing it took more than {PACKAGE_SECONDS_MAX:g} seconds"
            found[left[0]] = Tried(left[0], [], problem)
        for tried in found.values():
            self._accepted.pop(tried.package, None)
            self._light.pop(tried.package, None)
            if tried.problem:
                self._refuse([tried.package], tried.problem)
            else:
                self.accept([tried])
        self._wanted = [
            name
            for name in self._wanted
            if name not in self._tried or name.partition(".")[0] not in found
        ]

    def _give_up(self, problem: str) -> None:
        wanted = packages_of(self._wanted)
        self._wanted.clear()
        self._refuse(list(wanted), problem)

    def _refuse(self, packages: list[str], problem: str) -> None:
        for package in packages:
            self._say(Refused(package, problem, self._first))

    def leave(self) -> None:
        """In a process that was forked: the trial is the node's."""
        if self.trial is not None:
            self.trial.close()

    def end(self) -> None:
        """End the trial, if there is one."""
        if self.trial is not None:
            self.trial.kill()
            with suppress(ChildProcessError):
                os.waitpid(self.trial.process, 0)


def processor_seconds(processes: Iterable[int]) -> float:
    """How much processor time they have used so far; those that have ended do not count."""
    seconds = 0.0
    for process in processes:
        with suppress(OSError):
            # The clock of another process, as clock_getcpuclockid(3) names it.
            seconds += clock_gettime((~process << 3) | 2)
    return seconds


def _write(descriptor: int, data: bytearray) -> None:
    while data:
        del data[: os.write(descriptor, data)]


def _describe(code: int) -> str:
    return f"code {code}" if code > 0 else f"signal {-code}"
