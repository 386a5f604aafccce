"""The worker's second thread: it answers the link while one call keeps the main thread busy.

It looks now and then, ever less often, whether the main thread is still in the same call, and only then
touches the link: sends what waits, takes back what was recalled, interrupts. While the worker idles
it is parked and costs nothing; the main thread wakes it with the next call.
"""

import _thread
import os
import signal
import threading
from collections.abc import Callable
from time import sleep

from elsewhere.link import LinkClosed
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner

TICK_SECONDS = 0.025
TICK_SECONDS_MAX = 0.05
"""How often it looks at a call that lasts: each look takes the interpreter away from the call. A look
every 10 ms, and chunks of 25 ms, cost a map that keeps all processors busy 1.2 per cent."""
IDLE_TICKS_MAX = 20


class Watcher:
    """Watches `runner` on behalf of `post`; `ask_to_end` is called once the link is closed."""

    def __init__(self, post: Post, runner: Runner, ask_to_end: Callable[[], None]) -> None:
        self._post = post
        self._ask_to_end = ask_to_end
        self._runner = runner
        self._main = threading.main_thread().ident or 0
        self._awake = _thread.allocate_lock()
        self._awake.acquire()
        self.parked = False

    def start(self) -> None:
        _thread.start_new_thread(self._live, ())

    def wake(self) -> None:
        """Called by the main thread when it begins to run calls and finds the watcher parked."""
        if self._awake.locked():
            self._awake.release()

    def _live(self) -> None:
        try:
            self._watch()
        except LinkClosed:
            # The client is gone. The main thread may be in a call that never ends.
            self._ask_to_end()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  # a worker that nobody can reach must not live
            os.write(2, f"elsewhere: a worker ends, as its watcher failed: {error!r}\n".encode())
            os._exit(1)

    def _watch(self) -> None:
        begun, idle_ticks, tick = -1, 0, TICK_SECONDS
        while True:
            sleep(tick)
            runner = self._runner
            if runner.idle:
                idle_ticks += 1
                if idle_ticks > IDLE_TICKS_MAX:
                    self._park()
                    idle_ticks = 0
            elif runner.begun == begun:
                self._attend()
                tick = min(2 * tick, TICK_SECONDS_MAX)
                continue
            else:
                begun, idle_ticks = runner.begun, 0
            tick = TICK_SECONDS

    def _park(self) -> None:
        # The main thread ends its idling first and looks at `parked` then; here it is the other way
        # round, so that one of the two sees the other.
        self.parked = True
        if self._runner.idle:
            self._awake.acquire()
        self.parked = False

    def _attend(self) -> None:
        self._runner.tell_stack()
        self._post.look()
        if self._post.interrupts:
            self._runner.interrupts.stop_children_of_parked()
        self._post.flush()
        current = self._runner.current
        if current is not None and current.name in self._post.interrupts:
            signal.pthread_kill(self._main, signal.SIGINT)
