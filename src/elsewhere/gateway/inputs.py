"""Calls that wait for the values of other calls.

A call is asked for before its inputs exist. It waits here until the last of them is settled, and goes
on with the encoded values; if one of them has no value, it has none either, for the same reason. The
gateway forgets a call once it is settled, so an input that it does not know was settled before: then
who asks for the call has its outcome, and is asked for that.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Input, Settlement, Verdict
from elsewhere.calls.values import Value
from elsewhere.gateway.records import CallRecord
from elsewhere.gateway.values import ValueRecord, Values

FALLEN_MAX = 1000
"""How many calls one step settles because of their inputs; it asks for another step if there are more."""


class Inputs:
    """Which calls wait for which, what of that has come, and which calls have come out of it."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.waiting: dict[int, list[CallRecord]] = {}
        """by the number of an input: the calls that wait for it; some may be settled themselves"""
        self.ready: list[CallRecord] = []
        """calls that have all their values"""
        self.fallen: deque[tuple[CallRecord, Settlement]] = deque()
        """calls with an input that has no value, and the settlement of that"""
        self.fallen_max = FALLEN_MAX

    def add(self, record: CallRecord, known: Iterable[bool]) -> list[int]:
        """A new call that has inputs; `known` are those that are under way. Returns those that who
        asks for the call has to bring."""
        record.values = {one.call: None for one in record.call.inputs}
        record.needs = len(record.values)
        record.become(CallState.WAITING)
        missing = []
        for one, is_known in zip(record.call.inputs, known, strict=True):
            if one.settlement is not None:
                self._take(record, one.call, one.settlement)
            elif is_known:
                self.waiting.setdefault(one.call, []).append(record)
            else:
                missing.append(one.call)
        return missing

    def give(self, record: CallRecord, inputs: Iterable[Input]) -> None:
        """Who asked for a call brings what it needed."""
        for one in inputs:
            if one.settlement is not None:
                self._take(record, one.call, one.settlement)

    def settled(self, number: int, settlement: Settlement) -> None:
        """An input has come out: tell the calls that wait for it."""
        for record in self.waiting.pop(number, ()):
            if record.state is not CallState.SETTLED:  # it was cancelled, or another input failed
                self._take(record, number, settlement)

    def _take(self, record: CallRecord, number: int, settlement: Settlement) -> None:
        if record.values.get(number, settlement) is not None:
            return  # said twice, or no input of it
        if settlement.place is not None and not self._values.use(settlement.call):
            settlement = Settlement(settlement.call, Verdict.LOST)
        record.values[number] = settlement
        if settlement.verdict is not Verdict.VALUE:
            self.fallen.append((record, settlement))
            return
        record.needs -= 1
        if not record.needs and record.state is CallState.WAITING:
            self.ready.append(record)

    def values_of(self, record: CallRecord, ahead: Mapping[int, Value]) -> tuple[Value, ...]:
        """As `CallRecord.input_values`, with what lies in segments where it is now."""
        values = record.input_values(ahead)
        if not (values and self._values.kept):
            return values
        return tuple([self._values.current(value) for value in values])

    def wait_for_lost(self, record: CallRecord) -> bool:
        """Whether a call must wait because values that it was to be given are not there any more.

        Then they are sought, and it waits.
        """
        lost = 0
        for settlement in record.values.values():
            if settlement is not None and settlement.place is not None:
                value = self._values.kept[settlement.call]
                if not value.is_here:
                    value.waiting.append(record)
                    self._values.sought.append(settlement.call)
                    lost += 1
        record.needs += lost
        if lost and record.state is CallState.QUEUED:
            record.become(CallState.WAITING)
        return lost > 0

    def found(self, value: ValueRecord) -> None:
        """A value that was lost is there again: tell the calls that wait for it."""
        waiting, value.waiting = value.waiting, []
        for record in waiting:
            if record.state is not CallState.SETTLED:  # it was cancelled, or fell for another one
                record.needs -= 1
                if not record.needs:
                    self.ready.append(record)

    def astray(self, number: int) -> None:
        """An attempt at this call will not be the one that counts; nor will those that were sent its
        value ahead."""
        for record in self.waiting.get(number, ()):
            record.astray = record.state is CallState.ASSIGNED
