"""Between the machine and the store: what is looked up before a step, and written after one."""

from collections.abc import Callable
from logging import getLogger

from elsewhere.calls.messages import Call, Settlement, Written
from elsewhere.errors import StoreError
from elsewhere.gateway.machine import Gateway
from elsewhere.reports import report_briefly
from elsewhere.store import Remember, Remembered, Store


class Remembering:
    """`tell` takes messages for the machine, from any thread, and at once if nobody has it."""

    def __init__(
        self, gateway: Gateway, store: Callable[[], Store], tell: Callable[[Written], None]
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._tell = tell

    def leave_unknown(self, calls: list[Call], known: list[Settlement]) -> list[Call]:
        """The calls that the machine must hear of; what the store remembers goes into `known`.

        Called while nobody else can step the machine: what is neither remembered nor under way now
        will be under way when the step is over.
        """
        unknown: list[Call] = []
        for call in calls:
            if call.key and not self._gateway.is_claimed(call.key):
                kept = self._look_up(call.key)
                if kept is not None:
                    known.append(Settlement(call.id, kept.verdict, kept.payload))
                    continue
            unknown.append(call)
        return unknown

    def _look_up(self, key: bytes) -> Remembered | None:
        try:
            return self._store().get(key)
        except StoreError as error:
            # Raised here it would end the thread that serves everybody.
            report_briefly("a result was not looked up, and is computed", error)
            return None

    def write(self, rows: list[Remember]) -> None:
        """Give the store the rows of a Turn."""
        keys = [row.key for row in rows]
        try:
            self._store().write(rows, lambda error: self._note_written(keys, error))
        except StoreError as error:
            self._note_written(keys, error)

    def _note_written(self, keys: list[bytes], error: BaseException | None) -> None:
        if self._gateway.waits_for_rows:
            self._tell(Written(keys, "" if error is None else str(error)))
        elif error is not None:
            getLogger("elsewhere").error("%d results were not remembered: %s", len(keys), error)
