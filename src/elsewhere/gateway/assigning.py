"""Assigns calls to workers: what is sent for each, and what is sent right behind it."""

from collections.abc import Mapping

from elsewhere.calls.lifecycle import CallState, WorkerState
from elsewhere.calls.messages import Attempt, Define
from elsewhere.calls.values import Value
from elsewhere.gateway.followers import HEIRS_MAX, Followers
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.placer import Placer
from elsewhere.gateway.records import CallRecord, Turn, WorkerRecord
from elsewhere.gateway.room import estimate, has_room

NOTHING: Mapping[int, Value] = {}


class Assigning:
    """Makes attempts at calls, and notes who has them."""

    def __init__(self, inputs: Inputs, followers: Followers, placer: Placer) -> None:
        self._inputs = inputs
        self._followers = followers
        self._placer = placer

    def assign(
        self,
        record: CallRecord,
        worker: WorkerRecord,
        turn: Turn,
        ahead: Mapping[int, Value] = NOTHING,
    ) -> list[Attempt]:
        """A call for this worker, and right behind it the one that alone needs its value, and so on: what is
        handed on so need not be written down."""
        attempts: list[Attempt] = []
        while True:
            heir = None
            if not self._placer.every_call and (len(attempts) < HEIRS_MAX or has_room(worker)):
                heir = self._followers.heir(record, worker)
            attempts.append(self._attempt(record, worker, turn, ahead, hands_on=heir is not None))
            if heir is None:
                return attempts
            number = record.call.id
            ahead = {number: Value(number, b"", None, record.fence)}
            record = heir
            record.estimate = estimate(record)

    def _attempt(
        self,
        record: CallRecord,
        worker: WorkerRecord,
        turn: Turn,
        ahead: Mapping[int, Value],
        *,
        hands_on: bool,
    ) -> Attempt:
        call = record.call
        record.become(CallState.ASSIGNED)
        record.worker = worker.id
        record.fence += 1
        record.due = None
        inputs: tuple[Value, ...] = ()
        record.sent_bytes = len(call.payload)
        if call.inputs:
            inputs = self._inputs.values_of(record, ahead)
            record.sent_bytes += sum([len(one.payload) for one in inputs])
        record.expects_heir = bool(
            record.function.let_go_bytes and self._followers.expects_heir(record, worker)
        )
        worker.take(record)
        if worker.tasks_left is not None:
            worker.tasks_left -= 1
            if worker.tasks_left == 0:
                worker.become(WorkerState.LEAVING)
        function = record.function
        if function.number not in worker.functions:
            worker.functions.add(function.number)
            function.workers.add(worker.id)
            turn.sends.append((worker.id, Define(function.number, function.code)))
        needed = hands_on or (not self._placer.every_call and self._followers.lead(worker, record))
        return Attempt(
            call.id,
            record.fence,
            function.number,
            call.payload,
            call.kind,
            inputs,
            bool(call.key),
            needed,
            call.options.fork,
            hands_on,
        )
