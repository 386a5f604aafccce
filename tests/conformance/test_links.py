"""What every link promises, whatever carries it."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from select import select
from typing import Any

import pytest

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    FromWorker,
    Interrupt,
    Kind,
    Outcome,
    Run,
    Said,
    ToWorker,
    Verdict,
)
from elsewhere.calls.wire import DecodeError
from elsewhere.calls.workers import Ready, Stop
from elsewhere.link import GatewayEnd, LinkClosed, WorkerEnd
from elsewhere.links.memory import MemoryLink
from elsewhere.links.pipe import PipeGatewayEnd, PipeWorkerEnd, socket_pair

LARGE_BYTES = 40 * 2**20


@dataclass
class Link:
    """Both ends, and how the worker's end is closed: by the end of its process."""

    gateway: GatewayEnd
    worker: WorkerEnd
    end_worker: Callable[[], None]

    def hear(self) -> list[FromWorker]:
        """What the gateway's end receives next; waits for it where there is something to wait on."""
        while not (messages := self.gateway.receive()):
            if self.gateway.fileno() >= 0:
                ready, _, _ = select([self.gateway.fileno()], [], [], 10)
                assert ready, "nothing came"
        return messages


@pytest.fixture(params=["memory", "pipe"])
def link(request: pytest.FixtureRequest) -> Iterator[Link]:
    if request.param == "memory":
        memory = MemoryLink(bound=16)
        yield Link(memory.gateway, memory.worker, memory.gateway.close)
        return
    ours, theirs = socket_pair()
    with ours, theirs:
        yield Link(PipeGatewayEnd(ours), PipeWorkerEnd(theirs), theirs.close)


def in_thread(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin `act` in a thread; returns what waits for its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()

    def result() -> Any:
        thread.join(30)
        assert results, "the thread has not come to its end"
        return results[0]

    return result


def attempts(size: int) -> list[ToWorker]:
    return [Run([Attempt(1, 1, 1, bytes(size), Kind.CALL)])]


# ------------------------------------------------------------ both directions


def test_a_batch_arrives_as_it_was_sent(link: Link) -> None:
    batch: list[ToWorker] = [Define(1, b"code"), Run([Attempt(1, 2, 3, b"x", Kind.MAP)]), Stop()]
    assert link.gateway.send(batch)
    assert link.worker.receive() == batch
    back: list[FromWorker] = [
        Ready(5),
        Done([Outcome(1, 2, Verdict.ERROR, b"y", 0.5, 0.25)]),
        Said(2, "é\n"),
    ]
    link.worker.send(back)
    assert link.hear() == back


def test_batches_arrive_in_order(link: Link) -> None:
    for number in range(10):
        link.gateway.send([Interrupt(number, 0), Interrupt(number, 1)])
        link.worker.send([Ready(number)])
    down: list[ToWorker] = []
    up: list[FromWorker] = []
    while len(down) < 20:
        down += link.worker.receive()
    while len(up) < 10:
        up += link.hear()
    assert down == [Interrupt(number, fence) for number in range(10) for fence in (0, 1)]
    assert up == [Ready(number) for number in range(10)]


def test_a_batch_is_taken_when_it_is_sent(link: Link) -> None:
    batch: list[ToWorker] = [Stop()]
    back: list[FromWorker] = [Ready(1)]
    link.gateway.send(batch)
    link.worker.send(back)
    batch.clear()
    back.clear()
    assert link.worker.receive() == [Stop()]
    assert link.hear() == [Ready(1)]


def test_nothing_there_is_nothing_received(link: Link) -> None:
    assert link.gateway.receive() == []
    assert link.worker.receive(0) == []
    assert link.worker.receive(0.001) == []
    assert link.gateway.flush()


def test_a_large_batch_arrives_at_the_worker(link: Link) -> None:
    batch = attempts(LARGE_BYTES)
    received = in_thread(link.worker.receive) if link.gateway.fileno() >= 0 else None
    sent = link.gateway.send(batch)
    while not sent:
        _, writable, _ = select([], [link.gateway.fileno()], [], 10)
        assert writable
        sent = link.gateway.flush()
    assert (received() if received is not None else link.worker.receive()) == batch


def test_a_large_batch_arrives_at_the_gateway(link: Link) -> None:
    batch: list[FromWorker] = [
        Ready(1),
        Done([Outcome(1, 1, Verdict.VALUE, bytes(LARGE_BYTES), 0.0, 0.0)]),
    ]
    sent = in_thread(lambda: link.worker.send(batch))
    received: list[FromWorker] = []
    while len(received) < 2:
        received += link.hear()
    assert received == batch
    assert sent() is None


# ------------------------------------------------------------ bounds


def fill(link: Link) -> int:
    """Send numbered batches until the link takes no more; how many were sent."""
    for number in count():
        if not link.gateway.send([Define(number, bytes(100_000))]):
            return number + 1
        assert number < 1000, "the link has no bound"
    raise AssertionError


def test_what_the_link_cannot_take_waits_and_keeps_its_place(link: Link) -> None:
    sent = fill(link)
    assert not link.gateway.send([Define(sent, b"")])
    assert not link.gateway.flush()
    received: list[ToWorker] = []
    flushed = False
    while not flushed:
        received += link.worker.receive(0)
        flushed = link.gateway.flush()
    while messages := link.worker.receive(0):
        received += messages
    assert [m.function for m in received if isinstance(m, Define)] == list(range(sent + 1))
    assert link.gateway.flush()


def test_a_full_link_does_not_hold_up_the_other_direction(link: Link) -> None:
    fill(link)
    link.worker.send([Ready(1)])
    assert link.hear() == [Ready(1)]


# ------------------------------------------------------------ the end


def test_what_was_sent_before_the_worker_ended_arrives_first(link: Link) -> None:
    link.gateway.send([Stop()])  # and is never read
    sent: list[FromWorker] = [Ready(1), Said(1, "x" * 600_000), Ready(2)]
    for message in sent:
        link.worker.send([message])
    link.end_worker()
    received: list[FromWorker] = []
    with pytest.raises(LinkClosed):  # noqa: PT012  # what was sent before comes first
        while messages := link.gateway.receive():
            received += messages
    assert received == sent


def test_sending_to_a_worker_that_has_ended_is_no_error(link: Link) -> None:
    link.end_worker()
    assert link.gateway.send([Stop()])
    assert link.gateway.flush()


def test_what_waits_for_a_worker_that_has_ended_is_dropped(link: Link) -> None:
    fill(link)
    link.end_worker()
    assert link.gateway.flush()


def test_what_was_sent_before_the_gateway_closed_arrives_first(link: Link) -> None:
    link.gateway.send([Define(1, b"")])
    link.gateway.close()
    assert link.worker.receive() == [Define(1, b"")]
    for timeout in (None, 0, 0.001):
        with pytest.raises(LinkClosed):
            link.worker.receive(timeout)


def test_sending_to_a_gateway_that_has_closed_raises(link: Link) -> None:
    link.gateway.close()
    with pytest.raises(LinkClosed):
        link.worker.send([Ready(1)])


def test_closing_twice_is_closing_once(link: Link) -> None:
    link.gateway.close()
    link.gateway.close()
    assert link.gateway.fileno() == -1


def test_a_gateway_that_has_closed_hears_nothing(link: Link) -> None:
    link.gateway.close()
    with pytest.raises(LinkClosed):
        link.gateway.receive()


# ------------------------------------------------------------ bytes


@pytest.fixture
def pipe() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket_pair()
    with ours, theirs:
        yield ours, theirs


DAMAGED = (1).to_bytes(8, "little") + b"\xc1"


def test_damaged_bytes_end_the_link_to_a_worker(
    pipe: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pipe
    theirs.sendall(DAMAGED)
    with pytest.raises(LinkClosed, match="no message"):
        PipeGatewayEnd(ours).receive()


def test_damaged_bytes_end_a_worker(pipe: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipe
    ours.sendall(DAMAGED)
    with pytest.raises((LinkClosed, DecodeError)):
        PipeWorkerEnd(theirs).receive()


def test_part_of_a_message_is_not_yet_one(pipe: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pipe
    gateway, worker = PipeGatewayEnd(ours), PipeWorkerEnd(theirs)
    ours.send(DAMAGED[:4])
    theirs.send(DAMAGED[:4])
    assert gateway.receive() == []
    assert worker.receive(0) == []


def test_a_worker_that_blocks_is_woken_by_a_message(
    pipe: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pipe
    received = in_thread(lambda: PipeWorkerEnd(theirs).receive())
    PipeGatewayEnd(ours).send([Stop()])
    assert received() == [Stop()]
