"""The sessions of one pool: one with what is installed here, and one for each list of packages."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from elsewhere.interrupts import DeferredInterrupts
from elsewhere.node.process import NodeProcess

if TYPE_CHECKING:
    from elsewhere.session import Session
    from elsewhere.venvs import Venv

Open = Callable[[NodeProcess, "Venv | None"], "Session"]


class Sessions:
    """`open_session` opens one on a node, with workers in an environment, or in that of this process."""

    def __init__(self, open_session: Open) -> None:
        self._open_session = open_session
        self._by_packages: dict[tuple[str, ...], Session] = {}
        self._opening = threading.Lock()
        self._shut = False
        self.first = self._open(None)
        """the one with what is installed here"""

    def _open(self, venv: "Venv | None") -> "Session":
        with DeferredInterrupts():
            node = NodeProcess(python=None if venv is None else venv.python)
            try:
                return self._open_session(node, venv)
            except BaseException:
                node.end()
                raise

    def with_packages(self, packages: object) -> "Session":
        """The session whose workers have these packages; opened when it is first asked for.

        Raises TypeError and ValueError for what is no list of requirements, `NotInstalled`, and
        RuntimeError after `shut_down`.
        """
        from elsewhere.venvs import check_packages, open_venv

        wanted = check_packages(packages)
        with self._opening:
            self._check_open()
            session = self._by_packages.get(wanted)
            if session is None:
                venv = open_venv(wanted)
                session = self._by_packages[wanted] = self._open(venv)
        if self._shut:  # meanwhile, by another thread, which may have missed this one
            session.shut_down(wait=True, cancel_futures=True)
        self._check_open()
        return session

    def _check_open(self) -> None:
        if self._shut:
            raise RuntimeError("cannot open an environment after shutdown of the pool")

    def _all(self) -> "list[Session]":
        return [self.first, *self._by_packages.values()]

    def shut_down(self, *, wait: bool, cancel_futures: bool) -> None:
        """As `Pool.shutdown`."""
        self._shut = True
        sessions = self._all()
        if len(sessions) > 1:
            # A call of one may wait for a call of another: all are told before any is waited for.
            for session in sessions:
                session.shut_down(wait=False, cancel_futures=cancel_futures)
        if wait or len(sessions) == 1:
            for session in sessions:
                session.shut_down(wait=wait, cancel_futures=cancel_futures)

    def close(self) -> None:
        """Take no more calls, and end once those that were taken are settled. Returns at once."""
        for session in self._all():
            session.close()

    def terminate(self) -> None:
        """End now: kill the workers and cancel what is not settled."""
        self._shut = True
        for session in self._all():
            session.terminate()
