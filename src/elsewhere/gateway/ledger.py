"""The gateway's ledger: who asked for which call of which function, and who is told of the outcome."""

from collections.abc import Iterable
from operator import itemgetter

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import (
    Answer,
    Call,
    Define,
    Forget,
    Given,
    Need,
    Outcome,
    Settlement,
    Verdict,
    Written,
)
from elsewhere.calls.values import Free, Place
from elsewhere.calls.wire import replace
from elsewhere.calls.workers import Exit
from elsewhere.errors import GatewayBug
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.kits import Kits
from elsewhere.gateway.recipes import Recipe
from elsewhere.gateway.records import (
    CLIENT,
    REMAKER,
    STORE,
    CallRecord,
    FunctionRecord,
    Turn,
    WorkerRecord,
)
from elsewhere.gateway.remaking import Remaking
from elsewhere.gateway.values import Values
from elsewhere.gateway.verdicts import is_remembered
from elsewhere.store import Remember


class Ledger:
    """Calls and functions. What is to be sent and settled goes into `turn`, which is each step's.

    `waits_for_rows`: what is remembered is settled when it is `Written`, not before.
    """

    def __init__(
        self, workers: dict[int, WorkerRecord], *, waits_for_rows: bool, bytes_max: float
    ) -> None:
        self.asks = Asks()
        self.values = Values(workers, bytes_max, self._release_one)
        self.inputs = Inputs(self.values)
        self.remaking = Remaking(self.asks, self.inputs, self.values)
        self.kits = Kits(workers)
        self.functions: dict[int, FunctionRecord] = {}
        """by the first number that each was defined under"""
        self._names: dict[int, FunctionRecord] = {}
        """by every number that may be used"""
        self._by_code: dict[bytes, FunctionRecord] = {}
        self.turn = Turn()
        self._workers = workers
        self._waits_for_rows = waits_for_rows

    # ------------------------------------------------------------ functions

    def define(self, sender: int, message: Define) -> None:
        """A number for a function. Equal code is one function, by whatever numbers it is called."""
        if message.function in self._names:
            return  # said twice
        if sender != CLIENT:
            if sender not in self._workers:
                return
            self._workers[sender].defined.add(message.function)
        function = self._by_code.get(message.code)
        if function is None:
            function = FunctionRecord(message.function, message.code, message.name)
            self.functions[message.function] = self._by_code[message.code] = function
            self.kits.need(function, message.resources)
        function.names += 1
        self._names[message.function] = function

    def release(self, sender: int, numbers: Iterable[int]) -> None:
        """Nobody will call functions by these numbers any more."""
        for number in numbers:
            if sender in self._workers:
                self._workers[sender].defined.discard(number)
            function = self._names.pop(number, None)
            if function is not None:
                function.names -= 1
                self._forget_unused(function)

    def _release_one(self, function: FunctionRecord) -> None:
        """A call of it is settled, or will not be made again."""
        function.live -= 1
        self._forget_unused(function)

    def _forget_unused(self, function: FunctionRecord) -> None:
        if function.live or function.names:
            return
        del self.functions[function.number], self._by_code[function.code]
        self.kits.forget(function)
        for worker in sorted(function.workers):
            self._workers[worker].functions.discard(function.number)
            self.turn.sends.append((worker, Forget([function.number])))

    # ------------------------------------------------------------ calls

    def open(self, call: Call, asker: int) -> CallRecord | None:
        """Write a call down; None if it is there already, or has joined one with the same key."""
        asks = self.asks
        if call.id in asks.calls or call.id in asks.joined:
            return None  # said twice
        if call.key and self._join(call, asker):
            return None
        function = self._names.get(call.function)
        if function is None:
            raise GatewayBug(f"call {call.id} is of unknown function {call.function}")
        function.live += 1
        if asker != CLIENT:
            self._workers[asker].asks.add(call.id)
        record = asks.add(call, function, asker)
        if call.inputs:
            known = [asks.is_awaited(one.call) for one in call.inputs]
            missing = self.inputs.add(record, known)
            if missing:
                self.turn.sends.append((asker, Need(call.id, missing)))
        return record

    def give(self, message: Given) -> None:
        """Whoever asked for a call says how inputs of it were settled."""
        record = self.asks.calls.get(message.call)
        if record is not None and record.call.inputs:
            self.inputs.give(record, message.inputs)

    def settle_fallen(self) -> bool:
        """Settle calls of which an input has no value; whether there are more of them."""
        fallen = self.inputs.fallen
        for _ in range(self.inputs.fallen_max):
            if not fallen:
                return False
            # What needs this one in turn comes behind the others.
            record, cause = fallen.popleft()
            if record.state is not CallState.SETTLED:  # by another input, or it was cancelled
                self._settle(record, cause.told_again(record.call.id, record.function.name))
        return bool(fallen)

    def _join(self, call: Call, asker: int) -> bool:
        """Whether a call with the same key is under way; then this one has joined it, or cannot."""
        claimed = self.asks.claims.get(call.key)
        if claimed is None:
            return False
        if claimed.cancelling:
            self._let_go(claimed)
        circle = self.asks.join(claimed, call, asker)
        if circle:
            chain = "\n".join(part.call.label for part in [*circle, claimed]).encode()
            self.answer(call.id, asker, Settlement(call.id, Verdict.CIRCULAR, chain))
        elif asker != CLIENT:
            self._workers[asker].asks.add(call.id)
        return True

    def withdraw(self, number: int) -> CallRecord | None:
        """Whoever asked for this call is told that it is cancelled; the call goes on for the others.

        Returns it if nobody else wants it: then it is still to be settled.
        """
        record = self.asks.find(number)
        if record is None or record.state is CallState.WRITING or record.asker == REMAKER:
            return None
        if number == record.call.id and not record.joined:
            return record
        asker = self.asks.withdraw(record, number)
        if asker is not None:
            self.answer(number, asker, Settlement(number, Verdict.CANCELLED))
        return None if record.wanted else record

    def waive(self, peer: int, numbers: Iterable[int]) -> None:
        """A peer will not ask for the values of these calls. If others have joined one, they may."""
        for number in numbers:
            record = self.asks.calls.get(number)
            if record is not None and record.asker == peer:
                record.waived = True

    def _let_go(self, record: CallRecord) -> None:
        """Who took this call back need not wait for its worker to agree: somebody else wants it."""
        record.cancelling = False
        asker = self.asks.withdraw(record, record.call.id)
        if asker is not None:
            number = record.call.id
            self.answer(number, asker, Settlement(number, Verdict.CANCELLED))

    def forget(self, worker: WorkerRecord) -> list[CallRecord]:
        """A worker is gone, and nobody hears its answers. Returns the calls that nobody else wants."""
        unwanted = []
        for number in sorted(worker.asks):
            record = self.asks.find(number)
            if record is not None:
                self.asks.withdraw(record, number)
                self.inputs.settled(number, Settlement(number, Verdict.CANCELLED))
                if not record.wanted:
                    unwanted.append(record)
        return unwanted

    def come_out(self, record: CallRecord, verdict: Verdict, outcome: Outcome) -> None:
        """The last attempt at a call has come out: settle it, once what is remembered is written."""
        if not is_remembered(record, verdict):
            self.settle(
                record,
                verdict,
                outcome.payload,
                outcome.started,
                outcome.elapsed,
                place=outcome.place,
            )
            return
        call, name, place = record.call, record.function.name, outcome.place
        self.turn.rows.append(
            Remember(call.key, name, verdict, outcome.payload, outcome.elapsed, call.parts)
        )
        payload = b"" if place is not None else outcome.payload
        if not self._waits_for_rows:
            self.settle(record, verdict, payload, outcome.started, outcome.elapsed, place=place)
            return
        record.become(CallState.WRITING)
        record.outcome = Settlement(
            call.id,
            verdict,
            payload,
            started=outcome.started,
            elapsed=outcome.elapsed,
            place=place,
        )
        if place is not None:
            self._keep(record, place, [STORE])

    def on_written(self, message: Written) -> None:
        """The store has rows, or says why not."""
        for key in message.keys:
            record = self.asks.claims.get(key)
            if record is None or record.state is not CallState.WRITING:
                continue  # said twice
            kept = record.outcome
            if message.failure:
                self.settle(record, Verdict.UNWRITTEN, message.failure.encode())
            else:
                self.settle(
                    record, kept.verdict, kept.payload, kept.started, kept.elapsed, place=kept.place
                )
            if kept.place is not None:
                self.values.drop(STORE, [record.call.id], self.turn)

    def settle(
        self,
        record: CallRecord,
        verdict: Verdict,
        payload: bytes = b"",
        started: float = 0.0,
        elapsed: float = 0.0,
        *,
        how: Exit | None = None,
        place: Place | None = None,
    ) -> None:
        """Tell all who asked, and forget the call."""
        # If its worker's end is why, that attempt is among the deaths already.
        attempt = record.attempt if how is None else record.failures + record.deaths
        self._settle(
            record,
            Settlement(
                record.call.id,
                verdict,
                payload,
                record.worker,
                attempt,
                record.deaths,
                started,
                elapsed,
                how,
                place=place,
            ),
        )

    def _settle(self, record: CallRecord, settlement: Settlement) -> None:
        record.become(CallState.SETTLED)
        askers = self.asks.remove(record)
        if settlement.place is not None and record.asker != REMAKER:
            needing = [
                peer for number, peer in askers if number != record.call.id or not record.waived
            ]
            self._keep(record, settlement.place, needing)
        self._release_one(record.function)
        self.release_inputs(record)
        if record.asker == REMAKER:
            self.remaking.came_out(record, settlement, self.turn)
            return
        # Those who have a part in one value are told at once: the first must not let go of it before the
        # last has heard of it.
        for number, peer in sorted(askers, key=itemgetter(1)) if len(askers) > 1 else askers:
            told = settlement
            if number != settlement.call:
                # It ran once, and whoever asked first is told when.
                told = settlement.told_again(number)
                if settlement.place is not None:
                    told = replace(told, kept_as=settlement.call)
            self.answer(number, peer, told)
        if record.waived and settlement.place is not None:
            self.values.let_unneeded_go(record.call.id, self.turn)

    def _keep(self, record: CallRecord, place: Place, askers: Iterable[int]) -> None:
        """The value lies where it was made, or was handed on. Those who asked and have not dropped it have
        it, and soon the calls that wait for it; if there is nobody, nobody has."""
        number, values = record.call.id, self.values
        holders = [one for one in askers if one in {CLIENT, STORE} or one in self._workers]
        if number not in values.kept:  # else the store has it already
            if holders or number in self.inputs.waiting:
                values.add(number, place, record.worker, holders, Recipe(record))
            else:
                self.free(record.worker, place)
            return
        for one in holders:
            values.hold(one, [number])

    def free(self, worker: int, place: Place) -> None:
        """What lies there was never heard of, or does not count."""
        if not place.handed_on:
            self.turn.sends.append((worker, Free([place])))

    def release_inputs(self, record: CallRecord) -> None:
        """A call is settled, or a worker has let go of it: once both are so, it needs no inputs."""
        worker = self._workers.get(record.worker)
        if record.state is CallState.SETTLED and (
            worker is None or worker.attempt(record.call.id, record.fence) is None
        ):
            self.values.release(record, self.turn)

    def answer(self, number: int, peer: int, settlement: Settlement) -> None:
        """Tell one who asked, and the calls of which this one is an input."""
        if self.inputs.waiting:
            self.inputs.settled(number, settlement.as_kept())
        if peer == CLIENT:
            self.turn.settlements.append(settlement)
        elif peer in self._workers:
            self._workers[peer].asks.discard(number)
            sends = self.turn.sends
            told, last = sends[-1] if sends else (CLIENT, None)
            if told == peer and isinstance(last, Answer):
                last.settlements.append(settlement)
            else:
                sends.append((peer, Answer([settlement])))
