"""What a thread that a call has started does while it waits for a child.

It cannot park, and the main thread may be waiting for that very thread. So it runs what it waits for
itself, and if the main thread stands still, begins what that does not come to.
"""

from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any

from elsewhere.future import Future
from elsewhere.worker.child import Child
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner
from elsewhere.worker.waiters import THREAD_SECONDS

STANDING_SECONDS = 0.05
"""The main thread may be waiting for a waiting thread if it has begun nothing for so long."""


class Backlog:
    """What waits in a worker, as its threads see it."""

    def __init__(self, runner: Runner, post: Post) -> None:
        self._runner = runner
        self._post = post
        self._standing = -1, 0.0
        """how many calls the main thread had begun when a thread last looked, and when that was"""

    def wait(self, future: Future[Any], timeout: float | None) -> None:
        """Wait for it in a thread of a call, or for so many seconds."""
        until = None if timeout is None else monotonic() + timeout
        if isinstance(future, Child):
            _run_depth_first(future)
            self._post.flush()
        while not future.is_settled():
            left = THREAD_SECONDS if until is None else min(THREAD_SECONDS, until - monotonic())
            if left <= 0:
                break
            future._await_bell(left)
            if isinstance(future, Child):
                if future.number:
                    self._run_sent_back(future.number)
                else:
                    _run_depth_first(future)
            self.run()
        self._runner.tell_standing(False)

    def run(self) -> None:
        """In a thread that waits: begin what the main thread does not come to, if that stands still."""
        now, begun = monotonic(), self._runner.begun
        last, since = self._standing
        if begun == last and now - since < STANDING_SECONDS:
            return
        self._standing = begun, now
        if begun != last:
            return
        self._runner.tell_standing(True)
        if self._runner.stack or self._post.attempts:
            # One that waits itself must not keep the others.
            Thread(target=self._run_while_standing, args=(begun,), daemon=True).start()

    def _run_while_standing(self, begun: int) -> None:
        runner, attempts = self._runner, self._post.attempts
        # What the main thread takes meanwhile is not there any more.
        with suppress(IndexError):
            while runner.begun == begun:
                if not runner.stack:
                    runner.run_in_thread(attempts.popleft())
                    continue
                child: Any = runner.stack.pop()
                payload = child.begin()
                if payload is not None:
                    with runner.threads.run(child.root):
                        child.run(payload)

    def _run_sent_back(self, number: int) -> None:
        """The gateway has sent this worker its own child, and the main thread may never come to it."""
        for attempt in tuple(self._post.attempts):
            if attempt.call == number:
                try:
                    self._post.attempts.remove(attempt)
                except ValueError:
                    return  # the main thread has begun it, or it was recalled
                self._runner.run_in_thread(attempt)
                return


def _run_depth_first(child: Child) -> None:
    """Run it in this thread, its inputs first; as far as nobody else has begun any of them."""
    todo = [child]
    while todo:
        last = todo[-1]
        lacking = last.lacking()
        if lacking is None:
            todo.pop()
            payload = last.claim()
            if payload is not None:
                last.run(payload)
        elif isinstance(lacking, Child) and lacking.waits_here:
            todo.append(lacking)
        else:
            return
