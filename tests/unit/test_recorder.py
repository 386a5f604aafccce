"""What a recorder notes of a call, and when it notes nothing."""

from elsewhere.calls.messages import Call, Options, Settlement, Verdict
from elsewhere.calls.values import Place
from elsewhere.future import Future
from elsewhere.pending import Pending
from elsewhere.segments.reading import Lease
from elsewhere.timeline.recorder import SPANS_MAX, Recorder


class Settler:
    """A pool of which nobody wants anything."""

    def cancel(self, call: int, settled: object) -> None:
        raise AssertionError

    def is_running(self, call: int) -> bool:
        return False

    def wait_for(self, future: object, timeout: float | None) -> bool:
        raise AssertionError

    def make_waiters(self) -> list[object]:
        return []

    def lease(self, holder: object, call: int) -> Lease:
        return Lease()

    def ask_again(self, missing: object, again: object, share: object) -> None:
        raise AssertionError


def make(number: int) -> tuple[Call, Future[int]]:
    call = Call(number, 1, b"12345", Options())
    return call, Future(call, "f", Settler())


def begin(recorder: Recorder, number: int, *inputs: Future[int]) -> tuple[Pending, Future[int]]:
    call, future = make(number)
    return recorder.watch(call, future, "f", inputs), future


def settle(watched: Pending, number: int, started: float, elapsed: float) -> None:
    payload = b"123"
    watched.settle(Settlement(number, Verdict.VALUE, payload, 2, 1, 0, started, elapsed))


def test_a_call_is_noted_when_it_is_settled_and_its_future_is_told() -> None:
    recorder = Recorder()
    watched, future = begin(recorder, 7)
    assert not recorder.spans
    settle(watched, 7, 1e9, 2.0)
    (span,) = recorder.spans
    assert (span.call, span.worker, span.started, span.elapsed) == (7, 2, 1e9, 2.0)
    assert (span.argument_bytes, span.result_bytes) == (5, 3)
    assert (span.ready, span.inputs) == (None, ())
    assert 0 < span.asked < span.started
    assert future.is_settled()


def test_a_value_in_a_segment_counts_with_what_it_takes_there() -> None:
    recorder = Recorder()
    watched, _ = begin(recorder, 7)
    place = Place("segment", 2**20)
    watched.settle(Settlement(7, Verdict.VALUE, worker=2, started=1.0, elapsed=1.0, place=place))
    (span,) = recorder.spans
    assert span.result_bytes == 2**20


def test_large_arguments_count_as_such_and_are_no_input() -> None:
    recorder = Recorder()
    _, arguments = make(6)
    arguments.is_own = True
    arguments.settle(Settlement(6, Verdict.VALUE, place=Place("segment", 2**20)))
    watched, _ = begin(recorder, 7, arguments)
    settle(watched, 7, 1e9, 2.0)
    (span,) = recorder.spans
    assert (span.argument_bytes, span.inputs, span.ready) == (2**20 + 5, (), None)


def test_what_was_sent_is_told_apart_from_what_lies_in_shared_memory() -> None:
    recorder = Recorder()
    (one, first), (two, second) = begin(recorder, 1), begin(recorder, 2)
    _, put = make(3)
    put.settle(Settlement(3, Verdict.VALUE, place=Place("put", 2**10)))
    _, arguments = make(4)
    arguments.is_own = True
    arguments.settle(Settlement(4, Verdict.VALUE, place=Place("own", 2**11)))
    watched, _ = begin(recorder, 5, first, second, put, arguments)
    settle(one, 1, 1.0, 1.0)
    large = Place("two", 2**12)
    two.settle(Settlement(2, Verdict.VALUE, worker=2, started=1.0, elapsed=1.0, place=large))
    settle(watched, 5, 1e9, 1.0)
    small, of_large, of_all = recorder.spans
    assert (small.sent_bytes, small.mapped_bytes) == (5 + 3, 0)
    assert (of_large.sent_bytes, of_large.mapped_bytes) == (5, 2**12)
    assert (of_all.sent_bytes, of_all.mapped_bytes) == (5 + 3 + 3, 2**10 + 2**11 + 2**12)
    assert of_all.inputs == (1, 2, 3)
    assert of_all.argument_bytes == 5 + 2**11


def test_what_a_store_knew_is_an_input_without_a_number() -> None:
    recorder = Recorder()
    _, known = make(0)
    known.settle(Settlement(0, Verdict.VALUE, b"1234"))
    watched, _ = begin(recorder, 1, known)
    settle(watched, 1, 1e9, 1.0)
    (span,) = recorder.spans
    assert (span.inputs, span.sent_bytes) == ((), 5 + 4 + 3)
    assert span.ready is not None
    assert span.ready <= span.asked


def test_a_call_is_ready_when_its_last_input_has_ended() -> None:
    recorder = Recorder()
    (one, first), (two, second) = begin(recorder, 1), begin(recorder, 2)
    watched, _ = begin(recorder, 3, first, second)
    settle(two, 2, 1e9, 3.0)
    settle(one, 1, 1e9, 2.0)
    settle(watched, 3, 1e9 + 5, 1.0)
    assert recorder.spans[-1].inputs == (1, 2)
    assert recorder.spans[-1].ready == 1e9 + 3


def test_an_input_whose_end_is_not_noted_yet_had_its_value_when_the_call_began() -> None:
    recorder = Recorder()
    _, first = begin(recorder, 1)
    watched, _ = begin(recorder, 2, first)
    settle(watched, 2, 1e9, 1.0)
    assert recorder.spans[-1].ready == 1e9


def test_the_futures_of_others_had_their_values_when_they_were_given() -> None:
    recorder = Recorder()
    _, unrecorded = make(1)
    _, others = begin(Recorder(), 2)
    watched, _ = begin(recorder, 3, unrecorded, others)
    settle(watched, 3, 1e9, 1.0)
    (span,) = recorder.spans
    assert (span.inputs, span.ready) == ((), span.asked)


def test_what_did_not_run_has_no_span_and_is_an_input_all_the_same() -> None:
    recorder = Recorder()
    one, first = begin(recorder, 1)
    watched, _ = begin(recorder, 2, first)
    one.settle(Settlement(1, Verdict.VALUE, b"joined an equal call"))
    settle(watched, 2, 1e9, 1.0)
    (span,) = recorder.spans
    assert span.inputs == (1,)
    assert span.ready is not None
    assert span.asked <= span.ready < span.started


def test_the_latest_spans_are_kept() -> None:
    recorder = Recorder()
    for number in range(1, SPANS_MAX + 3):
        watched, _ = begin(recorder, number)
        settle(watched, number, 1e9, 0.0)
    assert len(recorder.spans) == SPANS_MAX
    assert recorder.spans[0].call == 3
