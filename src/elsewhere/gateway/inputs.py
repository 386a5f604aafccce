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
from elsewhere.gateway.records import NOTHING_KNOWN, CallRecord
from elsewhere.gateway.values import ValueRecord, Values

FALLEN_MAX = 1000
"""How many calls one step settles because of their inputs; it asks for another step if there are more."""


TOLD_MAX = 2048
"""How many calls that wait for one input a step tells that it has come out; it asks for another step
if there are more."""


class Inputs:
    """Which calls wait for which, what of that has come, and which calls have come out of it."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.waiting: dict[int, list[CallRecord]] = {}
        """by the number of an input: the calls that wait for it; some may be settled themselves"""
        self.untold: deque[tuple[int, Settlement, list[CallRecord]]] = deque()
        """inputs that have come out, how, and the calls that are still to be told"""
        self.ready: list[CallRecord] = []
        """calls that have all their values"""
        self.fallen: deque[tuple[CallRecord, Settlement]] = deque()
        """calls with an input that has no value, and the settlement of that"""
        self.fallen_max = FALLEN_MAX
        self.told_max = TOLD_MAX

    def add(self, record: CallRecord, known: Iterable[bool]) -> list[int]:
        """A new call that has inputs; `known` are those that are under way. Returns those that who
        asks for the call has to bring."""
        inputs = record.call.inputs
        record.values = NOTHING_KNOWN
        record.needs = len(inputs) if len(inputs) == 1 else len({one.call for one in inputs})
        record.become(CallState.WAITING)
        missing = []
        for one, is_known in zip(inputs, known, strict=True):
            if one.settlement is not None:
                self._take(record, one.call, one.settlement)
            elif is_known:
                self._wait(record, one.call)
            else:
                missing.append(one.call)
                record.learn(one.call, None)
        return missing

    def _wait(self, record: CallRecord, number: int) -> None:
        waiting = self.waiting.get(number)
        if waiting is None:
            self.waiting[number] = [record]
        elif len(waiting) == 1:
            # Most wait alone or in pairs, and a list that has grown has room for many more.
            self.waiting[number] = [*waiting, record]
        else:
            waiting.append(record)

    def give(self, record: CallRecord, inputs: Iterable[Input]) -> None:
        """Who asked for a call brings what it needed."""
        for one in inputs:
            if one.settlement is not None and one.call in record.values:
                self._take(record, one.call, one.settlement)

    def settled(self, number: int, settlement: Settlement) -> None:
        """An input has come out: tell the calls that wait for it."""
        waiting = self.waiting.pop(number, None)
        if waiting is None:
            return
        # A value in a segment is kept for those that have been told of it, and for nobody else.
        if len(waiting) > self.told_max and settlement.place is None:
            self.untold.append((number, settlement, waiting))
            # Their outcomes may be next, and count only if their inputs are there.
            waiting = [record for record in waiting if record.state is CallState.ASSIGNED]
        self._tell(number, settlement, waiting)

    def tell_more(self) -> None:
        """Tell some of those that are still to be told. The last go first: as what is ready goes to the
        front of the queue, they stand there in their order once all are told."""
        number, settlement, waiting = self.untold[0]
        told = waiting[-self.told_max :]
        del waiting[-self.told_max :]
        if not waiting:
            self.untold.popleft()
        self._tell(number, settlement, told)

    def _tell(self, number: int, settlement: Settlement, waiting: Iterable[CallRecord]) -> None:
        for record in waiting:
            if record.state is not CallState.SETTLED:  # it was cancelled, or another input failed
                self._take(record, number, settlement)

    def _take(self, record: CallRecord, number: int, settlement: Settlement) -> None:
        if record.values.get(number) is not None:
            return  # said twice
        if settlement.place is not None and not self._values.use(settlement.call):
            settlement = Settlement(settlement.call, Verdict.LOST)
        record.learn(number, settlement)
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
