"""Values that were lost are made again: only what somebody needs, each once, whoever asks.

The call that made a value is asked for again, by the gateway itself, under its old number and with a
higher fence. It waits for those of its inputs that are not there either, and these are made first; so a
chain is made again from its first value that is there. Who needs a value that cannot be made again is
told why.
"""

from elsewhere.calls.lifecycle import CallState
from elsewhere.calls.messages import Answer, Settlement, Verdict
from elsewhere.calls.values import Loss, Missing
from elsewhere.calls.wire import decode_record, encode_record
from elsewhere.gateway.asks import Asks
from elsewhere.gateway.inputs import Inputs
from elsewhere.gateway.recipes import Recipe
from elsewhere.gateway.records import CLIENT, REMAKER, CallRecord, Turn
from elsewhere.gateway.values import ValueRecord, Values

SOUGHT_MAX = 1000
"""How many values one step has made again; it asks for another step if there are more."""


class Remaking:
    """What is not there and what becomes of it."""

    def __init__(self, asks: Asks, inputs: Inputs, values: Values) -> None:
        self._asks = asks
        self._inputs = inputs
        self._values = values
        self.sought_max = SOUGHT_MAX

    def on_missing(self, peer: int, message: Missing, turn: Turn) -> None:
        """A peer has the value of a call, and did not find it. It is told when that is there."""
        number = message.call
        self._values.lose(number, message.place)
        value = self._values.kept.get(number)
        if value is None:
            _tell(peer, Settlement(number, Verdict.LOST), turn)
        elif value.is_here:
            payload = value.payload or b""
            there = Settlement(number, Verdict.VALUE, payload, value.maker, place=value.place)
            value.holders.add(peer)
            _tell(peer, there, turn)
        else:
            value.askers.add(peer)
            self._values.sought.append(number)

    def seek(self, turn: Turn) -> bool:
        """Have made again what is sought; whether there is more of it."""
        sought = self._values.sought
        for _ in range(self.sought_max):
            if not sought:
                return False
            number = sought.popleft()
            value = self._values.kept.get(number)
            if value is None or value.is_here or value.remaking or not _is_wanted(value):
                continue
            recipe = self._values.recipes.kept.get(number)
            if value.loss is None and recipe is not None:
                self._open(value, recipe)
                continue
            if value.loss is None:
                value.loss = Loss((value.name,))
            self._give_up(number, value, value.loss, turn)
        return bool(sought)

    def _open(self, value: ValueRecord, recipe: Recipe) -> None:
        value.remaking = True
        recipe.function.live += 1
        record = self._asks.add(recipe.call, recipe.function, REMAKER)
        record.fence = recipe.fence
        record.values = dict(recipe.values)
        for number in recipe.placed():
            self._values.use(number)
        if not self._inputs.wait_for_lost(record):
            record.become(CallState.WAITING)
            self._inputs.ready.append(record)

    def came_out(self, record: CallRecord, settlement: Settlement, turn: Turn) -> None:
        """The call that makes a value has come out again."""
        number = record.call.id
        recipe = self._values.recipes.kept.get(number)
        if recipe is not None:
            recipe.fence = record.fence
        if settlement.verdict is Verdict.VALUE:
            value = self._values.find_again(number, settlement)
            self._tell_askers(value, settlement, turn)
            self._inputs.found(value)
        else:
            value = self._values.kept[number]
            if settlement.verdict is Verdict.LOST:
                value.loss = decode_record(settlement.payload, Loss).of(value.name)
            else:
                value.loss = Loss((value.name,), settlement.verdict, settlement.payload)
            self._give_up(number, value, value.loss, turn)
        value.remaking = False
        self._values.let_go(number, value, turn)

    def _give_up(self, number: int, value: ValueRecord, loss: Loss, turn: Turn) -> None:
        """A value will never be there again. All that need it are told."""
        lost = Settlement(number, Verdict.LOST, encode_record(loss))
        self._tell_askers(value, lost, turn)
        waiting, value.waiting = value.waiting, []
        self._inputs.fallen.extend((record, lost) for record in waiting)

    def _tell_askers(self, value: ValueRecord, settlement: Settlement, turn: Turn) -> None:
        for peer in sorted(value.askers):
            if settlement.place is not None:
                value.holders.add(peer)
            _tell(peer, settlement, turn)
        value.askers.clear()


def _tell(peer: int, settlement: Settlement, turn: Turn) -> None:
    if peer == CLIENT:
        turn.settlements.append(settlement)
    else:
        turn.sends.append((peer, Answer([settlement])))


def _is_wanted(value: ValueRecord) -> bool:
    """Whether anybody waits for it."""
    if value.askers:
        return True
    return any(record.state is not CallState.SETTLED for record in value.waiting)
