"""A worker's mail, in both directions."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from elsewhere.calls.messages import (
    Attempt,
    Define,
    Done,
    Forget,
    Interrupt,
    Kind,
    Outcome,
    Recall,
    Returned,
    Run,
    Said,
    Verdict,
)
from elsewhere.calls.workers import Ready, Setup, Stop
from elsewhere.link import LinkClosed
from elsewhere.links.memory import MemoryLink
from elsewhere.worker.post import Post


def attempt(call: int, fence: int = 1) -> Attempt:
    return Attempt(call, fence, 1, b"", Kind.CALL)


def outcome(call: int) -> Outcome:
    return Outcome(call, 1, Verdict.VALUE, b"", 0.0, 0.0)


@pytest.fixture
def link() -> MemoryLink:
    return MemoryLink()


@pytest.fixture
def post(link: MemoryLink) -> Post:
    return Post(link.worker)


def nothing_is_due() -> bool:
    return False


def calls(post: Post) -> list[int]:
    return [attempt.call for attempt in post.attempts]


# ------------------------------------------------------------ in


def test_attempts_are_run_in_the_order_in_which_they_came(link: MemoryLink, post: Post) -> None:
    link.gateway.send([Run([attempt(1), attempt(2)])])
    link.gateway.send([Run([attempt(3)])])
    post.look()
    assert calls(post) == [1, 2, 3]


def test_functions_are_kept_until_they_are_forgotten(post: Post) -> None:
    post.take([Define(1, b"one"), Define(2, b"two"), Forget([1, 3])])
    assert post.functions == {2: b"two"}


def test_interrupts_and_stop_are_noted(post: Post) -> None:
    post.take([Interrupt(4, 2), Stop(), Setup(1, b"")])
    assert post.interrupts == {(4, 2)}
    assert post.stopping


def test_wait_takes_one_batch(link: MemoryLink, post: Post) -> None:
    link.gateway.send([Run([attempt(1)])])
    link.gateway.send([Run([attempt(2)])])
    post.wait(nothing_is_due)
    assert calls(post) == [1]


def test_wait_does_not_block_when_the_mail_was_taken_in_meanwhile(post: Post) -> None:
    post.take([Run([attempt(1)])])
    post.wait(nothing_is_due)
    post.attempts.clear()
    post.take([Stop()])
    post.wait(lambda: post.stopping)
    assert post.stopping


def test_a_closed_link_ends_waiting_and_looking(link: MemoryLink, post: Post) -> None:
    link.gateway.close()
    with pytest.raises(LinkClosed):
        post.wait(nothing_is_due)
    with pytest.raises(LinkClosed):
        post.look()
    with pytest.raises(LinkClosed):
        post.post(Ready(1))


def test_look_leaves_the_mail_to_the_thread_that_reads(link: MemoryLink, post: Post) -> None:
    link.gateway.send([Run([attempt(1)])])
    with post._reading:
        post.look()
    assert calls(post) == []
    post.look()
    assert calls(post) == [1]


def test_what_is_recalled_and_has_not_begun_is_given_back(link: MemoryLink, post: Post) -> None:
    post.take([Run([attempt(call) for call in range(2, 6)])])
    post.take([Recall([(1, 1), (2, 7), (3, 1), (5, 1)])])
    assert calls(post) == [2, 4]
    assert link.gateway.receive() == [Returned([(3, 1), (5, 1)], [(1, 1), (2, 7)])]


def test_an_attempt_that_is_begun_while_it_is_recalled_is_kept(link: MemoryLink) -> None:
    class Overtaken(deque[Attempt]):
        def pop(self) -> Attempt:  # type: ignore[override]  # a deque takes no index
            self.clear()  # the main thread is faster
            return super().pop()

        def remove(self, value: Attempt) -> None:
            self.clear()
            super().remove(value)

    post = Post(link.worker)
    for held in ([attempt(1)], [attempt(1), attempt(2)]):
        post.attempts = Overtaken(held)
        post.take([Recall([(1, 1)])])
        assert link.gateway.receive() == [Returned([], [(1, 1)])]


def test_giving_back_looks_at_each_attempt_a_few_times_at_most(link: MemoryLink) -> None:
    looks = 0

    class Counted(Attempt, frozen=True):
        def __eq__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return self is other

        def __hash__(self) -> int:
            return self.call

    post = Post(link.worker)
    post.attempts = deque(Counted(call, 1, 1, b"", Kind.CALL) for call in range(2000))
    wanted = [(call, 1) for call in range(1000, 2000)]
    post.take([Recall(wanted)])
    assert link.gateway.receive() == [Returned(wanted, [])]
    assert calls(post) == list(range(1000))
    assert looks < 4000


# ------------------------------------------------------------ out


def test_what_waits_goes_in_order_and_outcomes_go_together(link: MemoryLink, post: Post) -> None:
    post.outgoing += [outcome(1), outcome(2)]
    post.say(1, "two\n")
    post.outgoing.append(outcome(3))
    post.post(Ready(5))
    assert link.gateway.receive() == [
        Done([outcome(1), outcome(2)]),
        Said(1, "two\n"),
        Done([outcome(3)]),
        Ready(5),
    ]
    post.flush()
    assert link.gateway.receive() == []


class Sending:
    """A link on which something happens in the middle of a message."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, messages: Any) -> None:
        self.meanwhile()
        self.sent.append(messages)

    def receive(self, timeout: float | None = None) -> list[Any]:
        return []

    def watch(self, fileno: int) -> None:
        raise AssertionError("nothing else is waited for")

    def close(self) -> None:
        self.sent.append(["closed"])


def test_a_finaliser_may_print_in_the_middle_of_a_message() -> None:
    link = Sending()
    post = Post(link)

    def finaliser() -> None:
        link.meanwhile = lambda: None
        assert post.is_sending()
        post.say(2, "from a finaliser\n")
        post.flush()

    link.meanwhile = finaliser
    post.outgoing.append(outcome(1))
    post.flush()
    assert link.sent == [[Done([outcome(1)])], [Said(2, "from a finaliser\n")]]
    assert not post.is_sending()


def test_another_thread_waits_for_the_message_under_way() -> None:
    link = Sending()
    post = Post(link)
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        link.meanwhile = lambda: None
        begun.set()
        assert go_on.wait(10)

    link.meanwhile = wait
    post.outgoing.append(outcome(1))
    sender = threading.Thread(target=post.flush)
    sender.start()
    assert begun.wait(10)
    assert not post.is_sending()  # not this thread
    post.outgoing.append(outcome(2))
    other = threading.Thread(target=post.flush)
    other.start()
    go_on.set()
    sender.join(10)
    other.join(10)
    assert link.sent == [[Done([outcome(1)])], [Done([outcome(2)])]]


def test_a_message_that_could_not_be_sent_leaves_the_post_free() -> None:
    link = Sending()
    post = Post(link)

    def gone() -> None:
        raise LinkClosed

    link.meanwhile = gone
    with pytest.raises(LinkClosed):
        post.post(Ready(1))
    link.meanwhile = lambda: None
    post.post(Ready(2))
    assert link.sent == [[Ready(2)]]


def test_what_is_printed_while_another_thread_sends_is_left_to_that_one() -> None:
    link = Sending()
    post = Post(link)
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        link.meanwhile = lambda: None
        begun.set()
        assert go_on.wait(10)

    link.meanwhile = wait
    post.outgoing.append(outcome(1))
    sender = threading.Thread(target=post.flush)
    sender.start()
    assert begun.wait(10)
    post.say(1, "printed\n")
    post.flush(wait=False)  # returns although the other one is not done
    assert link.sent == []
    go_on.set()
    sender.join(10)
    assert link.sent == [[Done([outcome(1)])], [Said(1, "printed\n")]]


def test_who_prints_more_than_is_read_has_to_wait() -> None:
    link = Sending()
    post = Post(link)
    begun, go_on = threading.Event(), threading.Event()
    line = "x" * 2**18 + "\n"
    printed = 0

    def wait() -> None:
        link.meanwhile = lambda: None
        begun.set()
        assert go_on.wait(10)

    def print_on() -> None:
        nonlocal printed
        for _ in range(100):
            post.say(1, line)
            printed += 1
            post.flush(wait=False)

    link.meanwhile = wait
    post.outgoing.append(outcome(1))
    sender = threading.Thread(target=post.flush)
    sender.start()
    assert begun.wait(10)
    printer = threading.Thread(target=print_on)
    printer.start()
    printer.join(0.2)
    assert printer.is_alive()
    assert printed < 10
    go_on.set()
    printer.join(10)
    sender.join(10)
    sent = [message for batch in link.sent for message in batch]
    assert sent == [Done([outcome(1)]), *[Said(1, line)] * 100]


def test_a_copy_of_the_worker_has_no_mail() -> None:
    link = Sending()
    post = Post(link)
    post.take([Run([attempt(1)])])
    post.outgoing.append(outcome(2))
    with post._sending, post._reading:  # whoever held them is not in the copy
        post.leave()
        assert calls(post) == []
        post.flush()
        post.look()
    assert link.sent == [["closed"]]
