"""Which of the calls that wait in a worker are given to others."""

import pytest

from elsewhere.calls.messages import (
    Attempt,
    Call,
    FromWorker,
    Has,
    Kind,
    Settlement,
    Submit,
    Verdict,
)
from elsewhere.calls.values import Drop, Place
from elsewhere.codec.values import dumps
from elsewhere.future import Future
from elsewhere.links.memory import MemoryLink
from elsewhere.worker.control import Root
from elsewhere.worker.editions import WorkerEditions
from elsewhere.worker.inner import InnerPool
from elsewhere.worker.post import Post
from elsewhere.worker.runner import Runner


class Sharing:
    """A worker without a process, in which calls wait that were made inside a call."""

    def __init__(self) -> None:
        self.link = MemoryLink()
        self.post = Post(self.link.worker)
        self.runner = Runner(
            self.post, memoryview(bytearray(8)).cast("Q"), [], WorkerEditions(bytes.hex)
        )
        self.pool = InnerPool(self.runner, self.post, 1)

    def spawn(self, *arguments: object) -> Future[int]:
        return self.pool.spawn(abs, arguments, {})

    def keep_busy(self) -> None:
        """A call is in control, and may be for long."""
        self.runner.current = Root(Attempt(1, 1, 1, b"", Kind.CALL))

    def share(self) -> tuple[list[Call], int]:
        """The calls that are given away, and how many are said to wait then."""
        self.pool.share()
        said: list[FromWorker] = []
        while messages := self.link.gateway.receive():
            said += messages
        (has,) = [one.calls for one in said if isinstance(one, Has)]
        return [call for one in said if isinstance(one, Submit) for call in one.calls], has


@pytest.fixture
def sharing() -> Sharing:
    return Sharing()


def test_half_of_what_waits_is_given_away_the_oldest_first(sharing: Sharing) -> None:
    sharing.keep_busy()
    for number in range(5):
        sharing.spawn(number)

    given, left = sharing.share()

    assert [call.payload for call in given] == [dumps(((n,), {}), "") for n in range(3)]
    assert left == 2


def test_what_lacks_an_input_is_not_given_away(sharing: Sharing) -> None:
    sharing.keep_busy()
    future = first = sharing.spawn(1)
    for _ in range(9):
        future = sharing.spawn(future)

    given, left = sharing.share()

    assert [call.inputs for call in given] == [()]
    assert left == 0
    sharing.pool.answer([Settlement(given[0].id, Verdict.VALUE, dumps(1, "value"))])
    assert first.is_settled()
    assert len(sharing.runner.stack) == 1


def test_the_only_call_is_kept_by_a_worker_that_comes_to_it_next(sharing: Sharing) -> None:
    sharing.spawn(1)

    assert sharing.share() == ([], 1)
    sharing.keep_busy()
    given, left = sharing.share()
    assert len(given) == 1
    assert left == 0


def test_a_value_is_let_go_only_once_all_that_share_it_have_heard_of_it(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing.keep_busy()
    futures = [sharing.spawn(number) for number in range(4)]
    (one, other), _ = sharing.share()
    del futures[0]  # nobody has it once it has come out
    answer_one, tell_gone = sharing.pool._answer_one, sharing.runner.values._tell_gone
    monkeypatch.setattr(sharing.pool, "_answer_one", lambda told: (answer_one(told), tell_gone()))
    place = Place("a segment", 2**20)

    sharing.pool.answer(
        [
            Settlement(one.id, Verdict.VALUE, place=place),
            Settlement(other.id, Verdict.VALUE, place=place, kept_as=one.id),
        ]
    )

    tell_gone()
    assert not [said for said in sharing.post.outgoing if isinstance(said, Drop)]
    futures.clear()
    tell_gone()
    assert [said for said in sharing.post.outgoing if isinstance(said, Drop)] == [Drop([one.id])]
