"""A link inside one process, for tests: two queues, no bytes, no waiting."""

from collections import deque
from collections.abc import Sequence

from elsewhere.calls.messages import FromWorker, ToWorker
from elsewhere.link import LinkClosed


class MemoryLink:
    """Both ends of a link: `gateway` and `worker`. Closing one end closes the link."""

    def __init__(self, bound: int | None = None) -> None:
        """`bound`: how many batches the link holds before the gateway's end has to wait."""
        self.bound = bound
        self.to_worker: deque[list[ToWorker]] = deque()
        self.to_gateway: deque[list[FromWorker]] = deque()
        self.closed = False
        self.gateway = MemoryGatewayEnd(self)
        self.worker = MemoryWorkerEnd(self)


class MemoryGatewayEnd:
    """`elsewhere.link.GatewayEnd`."""

    def __init__(self, link: MemoryLink) -> None:
        self._link = link
        self._waiting: deque[list[ToWorker]] = deque()

    def send(self, messages: Sequence[ToWorker]) -> bool:
        self._waiting.append(list(messages))
        return self.flush()

    def flush(self) -> bool:
        link = self._link
        if link.closed:
            self._waiting.clear()
        while self._waiting and (link.bound is None or len(link.to_worker) < link.bound):
            link.to_worker.append(self._waiting.popleft())
        return not self._waiting

    def receive(self) -> list[FromWorker]:
        if self._link.to_gateway:
            return self._link.to_gateway.popleft()
        if self._link.closed:
            raise LinkClosed("the worker has closed its end")
        return []

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self._link.closed = True


class MemoryWorkerEnd:
    """`elsewhere.link.WorkerEnd`; with nothing there, `receive` raises rather than wait for ever."""

    def __init__(self, link: MemoryLink) -> None:
        self._link = link

    def send(self, messages: Sequence[FromWorker]) -> None:
        if self._link.closed:
            raise LinkClosed("the gateway has closed its end")
        self._link.to_gateway.append(list(messages))

    def receive(self, timeout: float | None = None) -> list[ToWorker]:
        if self._link.to_worker:
            return self._link.to_worker.popleft()
        if self._link.closed:
            raise LinkClosed("the gateway has closed its end")
        if timeout is None:
            raise LinkClosed("nothing was sent, and nobody else runs who could send")
        return []

    def watch(self, fileno: int) -> None:
        raise LinkClosed("nobody waits here who could see it")

    def close(self) -> None:
        self._link.closed = True
