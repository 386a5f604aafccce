"""A verdict: how a call came out."""

from enum import IntEnum


class Verdict(IntEnum):
    """How an attempt, or in the end a call, came out."""

    VALUE = 0
    """It returned; the payload is the value."""
    ERROR = 1
    """It raised; the payload is the failure."""
    INTERRUPTED = 2
    """An attempt yielded to `Interrupt`."""
    CANCELLED = 3
    """The caller took it back."""
    TIMED_OUT = 4
    """Its last permitted attempt ran out of time."""
    QUARANTINED = 5
    """It took its worker down too often; `Settlement.exit` is the evidence."""
    UNSTARTABLE = 6
    """No worker could be started for it; payload (an initializer's failure) or exit says why."""
    CIRCULAR = 7
    """It waits for itself; the payload is the chain of labels, one to a line."""
    UNWRITTEN = 8
    """It returned, but the store could not keep the value; the payload says why."""
    LOST = 9
    """Its value was lost after it had come out."""
    UNREADY = 10
    """An attempt was not begun: an input that was to come out in its worker is not there."""
    MISSING = 11
    """An attempt was not begun: an input does not lie where it should, which is its `place`."""
    MISPLACED = 12
    """The user's placement function named no worker for it; the payload says what it did instead."""
