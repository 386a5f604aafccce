"""Whether modules may be imported before a fork. That is tried in a fork, which may fail, crash or hang.

What the node imports is there in all workers that it forks from then on, so it must come through a fork.
A package does, as far as can be seen from outside, if importing it leaves nothing behind that a
fork would halve or share: no file open, no device mapped, no process, no handler of a signal, and no
thread, for a fork copies the memory but only one thread, and so perhaps a lock without its owner.
Threads that end before a fork are no harm: a library that ends its threads then (OpenBLAS does) has
seen to that itself. So where threads were started, the trial forks and looks again.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from time import monotonic, sleep

from elsewhere.calls.wire import Record
from elsewhere.worker.imports import changed

THREADS_SAFE = frozenset({"jemalloc_bg_thd"})
"""Names of threads that may live on: jemalloc holds its own locks during a fork and starts its thread
again in the child. It comes with Arrow."""
FILES_SAFE = frozenset({os.devnull, "/dev/urandom", "/dev/random"})
MAPS_SAFE = ("/dev/zero", "/dev/shm/")
"""What anonymous memory that processes share is called, and where files are that live in memory."""
END_LOOKS = 25
END_LOOK_SECONDS = 0.002
"""A thread that has ended is seen for a moment longer."""
NICE = 10
"""Calls come first: the trial takes what processors have left."""


class Tried(Record, frozen=True, tag=1):
    """What came of one package."""

    package: str
    modules: list[str]
    """those that can be imported, in this order"""
    problem: str = ""
    """why none of them may be"""
    variables: tuple[str, ...] = ()
    """those of the environment that this and earlier packages have changed"""
    seconds: float = 0.0
    """how long it took, with all that was not there before"""


def packages_of(modules: Iterable[str]) -> dict[str, list[str]]:
    """Modules by the package that they are in, in the order in which they came."""
    packages: dict[str, list[str]] = {}
    for name in modules:
        top = name.partition(".")[0]
        packages.setdefault(top, [top])
        if name != top:
            packages[top].append(name)
    return packages


def run_trial(
    packages: dict[str, list[str]], say: Callable[[Tried], None], *, vouched: bool
) -> None:
    """Import one package after another up to the first that may not be.

    Who has `vouched` for them wants them imported unless that fails.
    """
    if not vouched:
        os.nice(NICE)
    environment = dict(os.environ)
    for package, modules in packages.items():
        if not vouched and not _is_of_library(package):
            say(Tried(package, [], "it belongs to no installed distribution, so it may be edited"))
            continue
        before = _files(), _handlers()
        began = monotonic()
        try:
            import_module(package)
        except BaseException as error:  # noqa: BLE001  # it is told; a module may raise anything
            say(Tried(package, [], f"importing it raised {type(error).__name__}: {error}"))
            return
        imported = [name for name in modules if _can_import(name)]
        seconds = monotonic() - began
        problem = "" if vouched else _problem(*before)
        say(Tried(package, [] if problem else imported, problem, changed(environment), seconds))
        if problem:
            return


def _can_import(name: str) -> bool:
    """Many a package has names of modules that only it can import."""
    try:
        import_module(name)
    except BaseException:  # noqa: BLE001  # a module may raise anything
        return False
    return True


def _is_of_library(package: str) -> bool:
    from elsewhere.keys.origin import library_of_module

    try:
        return library_of_module(package) is not None
    except KeyError:
        return False


def _problem(files: set[str], handlers: dict[int, object]) -> str:
    """What the import has left behind that would not come through a fork."""
    if opened := _files() - files:
        return f"it leaves open {', '.join(sorted(opened))}"
    if devices := _devices():
        return f"it has mapped {', '.join(sorted(devices))}"
    if _handlers() != handlers:
        return "it handles signals"
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        pass
    else:
        return "it starts processes"
    if threads := _lasting_threads():
        return f"its threads outlive a fork: {', '.join(sorted(threads))}"
    return ""


def _files() -> set[str]:
    files: set[str] = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            files.add(f"{os.readlink(f'/proc/self/fd/{descriptor}')} as {descriptor}")
        except FileNotFoundError:
            continue  # that of the listing itself
    return {file for file in files if file.rpartition(" as ")[0] not in FILES_SAFE}


def _devices() -> set[str]:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
        mapped = {
            "/dev/" + line.partition(" /dev/")[2].strip() for line in lines if " /dev/" in line
        }
    return {name for name in mapped if not name.startswith(MAPS_SAFE)}


def _handlers() -> dict[int, object]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _threads() -> set[str]:
    """The threads but the main one, and those that may live on: name and number."""
    me = str(os.getpid())
    found: set[str] = set()
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue  # it has ended
        if thread != me and name not in THREADS_SAFE:
            found.add(f"{name} {thread}")
    return found


def _lasting_threads() -> set[str]:
    if not _threads():
        return set()
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    for _ in range(END_LOOKS):
        if not _threads():
            return set()
        sleep(END_LOOK_SECONDS)
    return _threads()


def load(modules: Iterable[str]) -> str:
    """Import modules here, and return what came in between, or nothing.

    What they print has appeared when a worker imported them; handlers of signals are the node's.
    """
    handlers = _handlers()
    kept = os.dup(1), os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        for name in modules:
            import_module(name)
    except BaseException as error:  # noqa: BLE001  # it is told; a module may raise anything
        return f"importing it raised {type(error).__name__}: {error}"
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in (*kept, null):
            os.close(descriptor)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)  # type: ignore[arg-type]  # one that getsignal gave
    return ""


def reseed() -> None:
    """In a worker just forked: numpy's own generator was seeded where it was imported.

    That of `random` sees to itself. Others that a library seeds as it is imported are not known here.
    """
    generator = sys.modules.get("numpy.random")
    if generator is not None:
        generator.seed()
