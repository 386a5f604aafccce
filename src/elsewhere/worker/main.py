"""A worker's life: set up, say so, run calls until told to stop or the link closes."""

import atexit
import os
import socket
import threading
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from elsewhere.calls.workers import Ready, Setup, Unready
from elsewhere.codec.references import let_futures_travel
from elsewhere.in_force import serve_worker
from elsewhere.link import LinkClosed, WorkerEnd
from elsewhere.plans.host import PROCESS
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.imports import Imports
from elsewhere.worker.keeping import Keeping, WorkerEnds
from elsewhere.worker.output import redirect
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner
from elsewhere.worker.watcher import Watcher

if TYPE_CHECKING:
    from elsewhere.worker.coroutines import Coroutines
    from elsewhere.worker.inner import InnerPool
    from elsewhere.worker.stand_ins import StandIns
    from elsewhere.worker.supplies import Supplies

_opening = threading.RLock()


def run_worker(
    link: WorkerEnd, cells: "memoryview[int]", node: socket.socket | None = None
) -> None:
    """Serve `link` to the end. `cells[0]` tells the node which call is in control, `cells[1]` which
    process has something to clean up. At `node` processes are asked for that stand in for the worker;
    without it there are none.

    Returns when it was told to stop; raises `LinkClosed` when the gateway is gone, and where a call
    has forked and its copy comes back from the call.
    """
    setup, *early = link.receive()
    if not isinstance(setup, Setup):
        raise TypeError(f"the first message must be Setup, not {setup!r}")
    if setup.authkey:
        from multiprocessing.process import current_process

        current_process().authkey = setup.authkey
    post = Post(link)
    screens = redirect(post.say, post.flush)
    for leave in (post.leave, *(screen.leave for screen in screens)):
        os.register_at_fork(after_in_child=leave)
    imports = Imports(post.outgoing.append)
    PROCESS.sees_files = setup.sees_files
    PROCESS.names_files = setup.names_files
    PROCESS.path_of = lambda blob: open_supplies(post, setup.directory).path(blob)
    editions = WorkerEditions(PROCESS.path_of)
    if setup.initializer and not _initialize(post, setup.initializer, editions):
        return
    runner = Runner(post, cells, screens, editions)
    runner.interrupts.install()
    runner.values.open(setup)
    if setup.tells_imports:
        runner.imports = imports
    runner.notes_calls = setup.notes_calls
    runner.values.make_settler = lambda: own_pool(runner, post, setup.worker)
    runner.make_coroutines = lambda: make_coroutines(runner)
    _let_calls_out(runner, post, setup, node)
    keeping = Keeping(runner, post, cells, screens)
    post.on_inquire = keeping.answer
    PROCESS.host = keeping
    PROCESS.limits = setup.resource_limits
    os.register_at_fork(after_in_child=lambda: cease(runner, keeping))
    watcher = Watcher(post, runner, keeping.ask_to_end)
    watcher.start()
    post.post(Ready(os.getpid()))
    post.take(early)
    try:
        _serve(post, runner, watcher, keeping)
    except WorkerEnds as ends:
        # The signal came when it was about to end for another reason.
        _end_alone(keeping, ends)
    post.flush()
    # The calls may have registered what must be done at the end of the process.
    atexit._run_exitfuncs()
    for screen in screens:
        screen.end_line()
    post.flush()
    serve_worker(None)
    PROCESS.host = PROCESS.path_of = PROCESS.file_of = None
    let_futures_travel(False)


def _serve(post: Post, runner: Runner, watcher: Watcher, keeping: Keeping) -> None:
    def step() -> None:
        keeping.tend()
        if not post.attempts:
            post.flush()
            runner.rest()
            post.wait(runner.is_due, keeping.seconds_to_wait())
            runner.idle = False
            if watcher.parked:
                watcher.wake()
        runner.run_ready()

    try:
        while not (post.stopping and runner.is_done()):
            step()
        keeping.end(step)
    except (LinkClosed, WorkerEnds) as closed:
        _end_alone(keeping, closed)


def _end_alone(keeping: Keeping, why: BaseException) -> NoReturn:
    keeping.end_alone()
    PROCESS.host = None
    raise LinkClosed("the worker was asked to end") from why


def cease(runner: Runner, keeping: Keeping) -> None:
    """In a process that a call has forked: it is no worker, and its calls of calls run inline."""
    runner.leave()
    keeping.leave()
    serve_worker(None)
    let_futures_travel(False)


def _let_calls_out(runner: Runner, post: Post, setup: Setup, node: socket.socket | None) -> None:
    """What is called inside a call may run elsewhere, and calls beside this process."""
    if not setup.stands_in:
        serve_worker(lambda: own_pool(runner, post, setup.worker))
        let_futures_travel(True)
    if node is not None:
        runner.applying.make_stand_ins = lambda: make_stand_ins(runner, post, setup, node)


def make_stand_ins(runner: Runner, post: Post, setup: Setup, node: socket.socket) -> "StandIns":
    """What runs calls in processes that share the memory of a template. Only who has such calls pays."""
    from elsewhere.worker.stand_ins import StandIns

    return StandIns(post, runner.values, setup, node)


def make_coroutines(runner: Runner) -> "Coroutines":
    """The loop for `async def` calls."""
    from elsewhere.worker.coroutines import Coroutines

    return Coroutines(runner)


def own_pool(runner: Runner, post: Post, worker: int) -> "InnerPool":
    """The pool in force inside this worker's calls. Only who makes such calls pays for its imports."""
    # Threads of a call may come at once, and a cache alone would make a pool for each.
    with _opening:
        return _open_own_pool(runner, post, worker)


def open_supplies(post: Post, directory: str) -> "Supplies":
    """What brings blobs to this worker's node. Only who lacks something pays for its imports."""
    with _opening:
        return _open_supplies(post, directory)


@cache
def _open_own_pool(runner: Runner, post: Post, worker: int) -> "InnerPool":
    from elsewhere.worker.inner import InnerPool

    return InnerPool(runner, post, worker)


@cache
def _open_supplies(post: Post, directory: str) -> "Supplies":
    from elsewhere.worker.supplies import Supplies

    return Supplies(post, directory)


def _initialize(post: Post, initializer: bytes, editions: WorkerEditions) -> bool:
    from elsewhere.worker.initializing import initialize  # most pools have no initializer

    try:
        initialize(editions.decode, initializer)
    except BaseException as error:  # noqa: BLE001  # it travels to the client
        from elsewhere.codec.failures import encode_failure

        post.post(Unready(encode_failure(error)))
        return False
    return True
