"""A settlement as the caller meets it: a value, or an exception that tells its story."""

import os
from typing import TYPE_CHECKING, Any

from elsewhere.calls.messages import CHAIN_MAX, Settlement, Verdict
from elsewhere.calls.values import Loss
from elsewhere.calls.wire import decode_record
from elsewhere.codec.references import Source
from elsewhere.codec.values import load_list, loads
from elsewhere.errors import DataLost

if TYPE_CHECKING:
    from elsewhere.segments.reading import Mapping


def open_settlement(
    settlement: Settlement,
    function: str,
    timeout: float | None,
    mapping: "Mapping | bytes | None" = None,
) -> tuple[Any, BaseException | None]:
    """The value of a call of `function`, or else what it raised or why it has no outcome.

    `mapping` is where the value lies, if it is not the settlement's payload.
    """
    if settlement.verdict is not Verdict.VALUE:
        return None, open_failure(settlement, function, timeout)
    try:
        if mapping is None:
            return loads(settlement.payload), None
        from elsewhere.segments.reading import load_value

        return load_value(mapping), None
    except Exception as error:  # noqa: BLE001  # unpickling runs the value's own code
        return None, note_unpickling(error, settlement)


def source_of(settlement: Settlement) -> Source:
    """The value of a settlement, to be decoded anew while somebody keeps it where it lies."""
    place = settlement.place
    if place is None:
        return settlement.payload
    from elsewhere.segments.reading import load_value, map_segment

    def load() -> Any:
        try:
            return load_value(map_segment(place))
        except FileNotFoundError as error:
            raise DataLost("an input") from error

    return load


def open_chunk(
    settlement: Settlement,
    function: str,
    timeout: float | None,
    mapping: "Mapping | bytes | None" = None,
) -> tuple[list[Any], BaseException | None]:
    """The values of a chunk of a map, up to the first that failed; and why it did.

    `mapping` is where they lie, if that is not the settlement's payload.
    """
    data, failure = settlement.payload, b""
    if settlement.verdict is Verdict.ERROR and not settlement.chain:
        data, failure = loads(settlement.payload)
    elif settlement.verdict is not Verdict.VALUE:
        return [], open_failure(settlement, function, timeout)
    if mapping is None:
        values, refused = load_list(data)
    else:
        from elsewhere.segments.reading import load_values

        values, refused = load_values(mapping)
    if refused is not None:
        return values, note_unpickling(refused, settlement)
    if not failure:
        return values, None
    failed = Settlement(
        settlement.call, Verdict.ERROR, failure, settlement.worker, settlement.attempt
    )
    return values, open_failure(failed, function, timeout)


def open_failure(settlement: Settlement, function: str, timeout: float | None) -> BaseException:
    """The exception of a call that has no value, or that needed one that has none."""
    # Only a failure pays for what these import.
    from elsewhere.codec.failures import add_notes, decode_failure

    needed = describe_chain(settlement)
    if settlement.verdict is Verdict.ERROR:
        return decode_failure(settlement.payload, describe_place(settlement), needed)
    if settlement.chain:
        # What is known of that one is that it was needed, not its name nor its limit.
        function, timeout = f"an input of {settlement.chain[-1]}", None
    error = _open_other(settlement, function, timeout)
    add_notes(error, needed)
    return error


def _open_other(settlement: Settlement, function: str, timeout: float | None) -> BaseException:
    """As `open_failure`, of a call that did not raise."""
    # Only a failure pays for what these import.
    from concurrent.futures import CancelledError

    from elsewhere.codec.failures import decode_failure
    from elsewhere.errors import (
        CallQuarantined,
        CallTimeout,
        CircularCall,
        InitializerFailed,
        PlacementError,
        StoreError,
        WorkerLost,
    )

    how = settlement.exit
    match settlement.verdict:
        case Verdict.CANCELLED:
            return CancelledError()
        case Verdict.TIMED_OUT:
            return CallTimeout(function, timeout or 0.0, settlement.attempt)
        case Verdict.QUARANTINED:
            memory = how.memory_bytes if how is not None else None
            process = "fork" if how is not None and how.fork else "worker"
            end = describe_end(settlement)
            return CallQuarantined(function, settlement.deaths, end, memory, process)
        case Verdict.UNSTARTABLE if settlement.payload:
            error = InitializerFailed(
                f"the pool's initializer raised, so no worker could take {function}"
            )
            error.__cause__ = decode_failure(settlement.payload)
            return error
        case Verdict.CIRCULAR:
            return CircularCall(settlement.payload.decode().split("\n"))
        case Verdict.LOST:
            return _open_loss(settlement.payload, function)
        case Verdict.MISPLACED:
            return PlacementError(function, settlement.payload.decode())
        case Verdict.UNWRITTEN:
            return StoreError(
                f"the result of {function}",
                f"it was computed but not remembered: {settlement.payload.decode()}",
                "Call it again once the store can write",
            )
        case _:
            return WorkerLost(
                f"no worker could be started to take {function}; "
                f"the last one {describe_end(settlement)} before it was ready"
            )


def _open_loss(payload: bytes, function: str) -> BaseException:
    """The error of who needs a value that is lost for good."""
    if not payload:
        return DataLost(function)
    loss = decode_record(payload, Loss)
    cause = None
    if loss.verdict is None:
        why = "how it was made is forgotten" if loss.names[-1] else "it was put, not made by a call"
    elif loss.verdict == Verdict.ERROR:
        from elsewhere.codec.failures import decode_failure

        cause = decode_failure(loss.payload)
        why = f"when it was called again, it raised {type(cause).__name__}: {cause}"
    else:
        how = _MADE_AGAIN.get(Verdict(loss.verdict), "came to nothing")
        why = f"when it was called again, it {how}"
    error = DataLost(loss.names[0] or "a future that was put", loss.names[1:], why)
    error.__cause__ = cause
    return error


_MADE_AGAIN = {
    Verdict.TIMED_OUT: "ran out of time",
    Verdict.QUARANTINED: "took its workers down",
    Verdict.UNSTARTABLE: "could be given to no worker",
}
"""how a call came out that was to make its value again"""


def note_unpickling(error: Exception, settlement: Settlement) -> Exception:
    """Say that an exception was raised here, where a value came to, and not by the call."""
    from elsewhere.codec.failures import add_notes

    worker = f"worker {settlement.worker} on {os.uname().nodename}"
    add_notes(error, [f"raised in this process, as it unpickled a value that {worker} returned"])
    return error


def describe_end(settlement: Settlement) -> str:
    """How the worker of a settlement ended, for a sentence that begins with it."""
    how = settlement.exit
    if how is None:
        return "was lost"
    if how.signal is None:
        return str(how)
    import signal

    try:
        name = signal.Signals(how.signal).name
    except ValueError:
        return str(how)
    likely = " (perhaps by the kernel, for want of memory)" if name == "SIGKILL" else ""
    return f"was killed by {name}{likely}"


def describe_chain(settlement: Settlement) -> list[str]:
    """The calls that were not made because they needed the value of this one, a line for each."""
    lines = []
    needed = "it"
    if len(settlement.chain) == CHAIN_MAX:
        needed = "it, or another call that did"  # only so many names are told
    for name in reversed(settlement.chain):
        lines.append(f"not called: {name}, which needed {needed}")
        needed = name
    return lines


def describe_place(settlement: Settlement) -> str:
    """Where a call ran."""
    if not settlement.worker:
        return (
            "the process that asked for it" if settlement.attempt else "an earlier run, remembered"
        )
    return f"worker {settlement.worker} on {os.uname().nodename}, attempt {settlement.attempt}"
