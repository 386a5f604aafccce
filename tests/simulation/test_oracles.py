"""The oracles in small: what they must let pass, and what they must not."""

import pytest

from elsewhere.calls.messages import (
    Answer,
    Call,
    Define,
    Given,
    Input,
    Options,
    Settlement,
    Submit,
    ToGateway,
    Verdict,
)
from elsewhere.calls.workers import Ready, Started
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.placement import Locality
from elsewhere.gateway.records import CLIENT, ENGINE, Turn
from elsewhere.testing.books import Violation
from elsewhere.testing.oracles import Oracles
from elsewhere.testing.placing import Watched
from elsewhere.testing.remembering import Remembering

OPTIONS = Options()
SELF, ASKED, USER = 1, 50, 51
"""a call with a key, the same asked for inside it, and what needs that"""


class Watch:
    """A gateway with one worker that runs `SELF`, under the eyes of the oracles."""

    def __init__(self) -> None:
        policy = Watched(Locality(), every_call=False)
        self.gateway = Gateway(placement=policy)
        self.oracles = Oracles(None, Remembering(None), policy, lambda _: None)
        for sender, message in (
            (ENGINE, Started(1)),
            (1, Ready(1)),
            (CLIENT, Define(7, b"code", "f")),
            (CLIENT, Submit([Call(SELF, 7, b"", OPTIONS, key=b"k")])),
        ):
            self.say(sender, message)

    def step(self, sender: int, message: ToGateway) -> Turn:
        return self.gateway.step(sender, message, 0.0)

    def say(self, sender: int, message: ToGateway) -> Turn:
        turn = self.step(sender, message)
        self.oracles.observe(sender, message, turn, 0.0)
        return turn

    def close_circle(self) -> Settlement:
        """The worker asks for what it runs. What it is told."""
        turn = self.say(1, Submit([Call(ASKED, 7, b"", OPTIONS, key=b"k", parent=SELF)]))
        return answered(turn)


def answered(turn: Turn) -> Settlement:
    """The one answer of a turn to the worker."""
    [settlement] = [
        settlement
        for _, message in turn.sends
        if isinstance(message, Answer)
        for settlement in message.settlements
    ]
    return settlement


def chained(turn: Turn, chain: tuple[str, ...]) -> None:
    """Put another chain into the one answer of a turn."""
    told = answered(turn)
    other = Settlement(told.call, told.verdict, told.payload, chain=chain)
    turn.sends = [(1, Answer([other]))]


def test_what_needs_a_call_that_would_wait_for_itself_may_fall_with_it() -> None:
    watch = Watch()
    cause = watch.close_circle()
    watch.say(1, Submit([Call(USER, 7, b"", OPTIONS, parent=SELF, inputs=(Input(ASKED),))]))

    told = answered(watch.say(1, Given(USER, (Input(ASKED, cause),))))

    assert (told.call, told.verdict, told.chain) == (USER, Verdict.CIRCULAR, ("f",))


def test_it_may_fall_as_it_is_asked_for() -> None:
    watch = Watch()
    given = Input(-1, watch.close_circle())

    told = answered(
        watch.say(1, Submit([Call(USER, 7, b"", OPTIONS, parent=SELF, inputs=(given,))]))
    )

    assert (told.call, told.verdict, told.chain) == (USER, Verdict.CIRCULAR, ("f",))


@pytest.mark.parametrize(
    ("chain", "promise"),
    [((), 34), (("g",), 39), (("f", "f"), 39)],
)
def test_it_must_be_told_of_that_circle_and_no_other(chain: tuple[str, ...], promise: int) -> None:
    watch = Watch()
    cause = watch.close_circle()
    watch.say(1, Submit([Call(USER, 7, b"", OPTIONS, parent=SELF, inputs=(Input(ASKED),))]))
    message = Given(USER, (Input(ASKED, cause),))
    turn = watch.step(1, message)
    chained(turn, chain)

    with pytest.raises(Violation, match=f"promise {promise}:"):
        watch.oracles.observe(1, message, turn, 0.0)


def test_a_call_that_would_wait_for_itself_is_told_without_a_chain() -> None:
    watch = Watch()
    message = Submit([Call(ASKED, 7, b"", OPTIONS, key=b"k", parent=SELF)])
    turn = watch.step(1, message)
    chained(turn, ("f",))

    with pytest.raises(Violation, match="promise 1:"):
        watch.oracles.observe(1, message, turn, 0.0)
