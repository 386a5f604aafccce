"""What a worker does with values: small ones travel, large ones stay in a segment of its node.

Only who meets a large value pays for the imports of what writes and maps segments.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from elsewhere.calls.messages import Attempt
from elsewhere.calls.values import Drop, Free, Place, Unmap, Value
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX, replace
from elsewhere.calls.workers import Setup
from elsewhere.codec.references import Source, note_not_begun, returning, supplied
from elsewhere.codec.values import dumps, dumps_apart, dumps_parts, loads, too_large
from elsewhere.errors import DataLost
from elsewhere.worker.handing import Handed, HandedOn, keep_memory
from elsewhere.worker.post import Post

if TYPE_CHECKING:
    from elsewhere.segments.reading import Leases, View
    from elsewhere.segments.writing import Segments

NO_FUTURES = frozenset({int, float, bool, str, bytes, type(None)})
"""Types of values in which there are none."""
RECENT_MAX = 4096
"""How many values are kept for calls that were sent behind those that made them."""
TOGETHER_BYTES_MAX = 2**22
"""Results of a chunk that are small, one by one, travel together up to this size."""
Mapped = tuple[int, "ref[View]"]
"""the call that made an input, and where that is mapped"""


class Whole(NamedTuple):
    """A value that lies somewhere and travels, too."""

    payload: bytes
    place: Place


Encoded = bytes | Place | Whole | Handed
"""a value: its bytes, where it lies, or both; or what is handed on"""


def in_outcome(result: Encoded) -> tuple[bytes, Place | None]:
    """The payload and the place of an outcome."""
    if isinstance(result, bytes):
        return result, None
    if isinstance(result, Whole):
        return result
    return b"", result if isinstance(result, Place) else result.place


class InputMissing(BaseException):
    """An input of an attempt does not lie at its `place`."""

    def __init__(self, place: Place) -> None:
        self.place = place


class Values:
    """Encodes results and decodes inputs."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._setup = Setup(0, b"")
        self.travels_max = self._setup.inline_bytes
        """bytes; a larger value goes to a segment"""
        self._next: tuple[Place, View] | None = None
        """what is mapped for the next attempt"""
        self._recent: dict[int, tuple[int, bytes | Place]] = {}
        """by call: the fence and the value of those that came out last and may be needed"""
        self.handed = HandedOn()
        self._recent_at: dict[str, int] = {}
        """by path: which of these lies there"""
        self._mappings: dict[str, ref[View]] = {}
        """by path: what calls have mapped that were sent behind those that made it"""
        self._opening = RLock()
        self._open_segments: Segments | None = None
        self._open_leases: Leases | None = None
        self._writer: int | str = 0
        self._forks = count(1)
        self._returned: dict[str, list[Any]] = {}
        """by path: the futures in a value that lies there, until that is told"""
        self.settler: object = None
        """that of the futures of this worker, once there are any"""
        self.make_settler: Callable[[], object]
        """set by who can import it"""
        post.on_free = self.free
        post.before_sending = self._tell_gone

    def open(self, setup: Setup) -> None:
        """Learn where large values go."""
        self._setup = setup
        self.travels_max = min(setup.inline_bytes, PAYLOAD_BYTES_MAX)
        self._writer = setup.stands_in or setup.worker

    def next_writer(self) -> str:
        """The name under which the next fork of this process, or of a template, writes segments."""
        return f"{self._writer}-f{next(self._forks)}"

    def write_as(self, writer: str) -> None:
        """In that fork: what there is belongs to the worker."""
        self._setup = replace(self._setup, free_bytes_max=0)
        self._writer = writer
        self._opening = RLock()
        self._open_segments = None
        self._open_leases = None

    def remove_written(self, writer: str) -> None:
        """A fork has ended, and nobody knows what it has written."""
        from elsewhere.segments.directory import remove_segments

        remove_segments(self._setup.directory, writer, ())

    @property
    def _segments(self) -> "Segments":
        segments = self._open_segments
        if segments is None:
            from elsewhere.segments.writing import Segments

            setup = self._setup
            with self._opening:  # two of these would write to the same files
                segments = self._open_segments or Segments(
                    setup.directory,
                    self._writer,
                    setup.free_bytes_max,
                    lambda: setup.value_bytes_max,
                )
                self._open_segments = segments
        return segments

    @property
    def leases(self) -> "Leases":
        """The values that this worker needs although no call of it is being given them."""
        leases = self._open_leases
        if leases is None:
            from elsewhere.segments.reading import Leases

            with self._opening:  # two sets of leases would drop what the other one has
                leases = self._open_leases or Leases(self._drop)
                self._open_leases = leases
        return leases

    def _drop(self, calls: list[int]) -> None:
        self._post.outgoing.append(Drop(calls))

    def _tell_gone(self) -> None:
        leases = self._open_leases
        if leases is not None:
            leases.tell_gone()

    def write(self, parts: Sequence[memoryview], name: str) -> Place:
        """Write a value to a segment. Raises `NotPicklable`, which calls it by `name`."""
        return self._segments.write(parts, name)

    def encode(self, value: Any, *, remembered: bool = False, hands_on: bool = False) -> Encoded:
        """The bytes of a result, or where they were put. Raises `NotPicklable`.

        What is `remembered` travels in any case, and so has the values of the futures in it. What may be handed
        on is put nowhere if it is large: see `settle_handed`.
        """
        returned: list[Any] = []
        if remembered or self.settler is None or type(value) in NO_FUTURES:
            data, buffers = dumps_apart(value, "result")
        else:
            with returning(self.settler) as met:
                data, buffers = dumps_apart(value, "result")
            returned = met.futures
        if not (buffers or returned) and len(data) <= self.travels_max:
            return data
        parts = [memoryview(data), *(buffer.raw() for buffer in buffers)]
        if not returned:
            if sum(part.nbytes for part in parts) <= self.travels_max:
                return self._encode_inline(value)
            if hands_on:
                return Handed(data, buffers)
            payload = self._encode_inline(value) if remembered else b""
            place = self.write(parts, "result")
            return Whole(payload, place) if remembered else place
        # The gateway keeps what it refers to as long as it is kept itself, and so it must lie somewhere.
        place = self.write(parts, "result")
        self._returned[place.path] = returned
        numbers = {future.outcome().call for future in returned}
        return replace(place, refers=tuple(sorted(numbers)))

    def settle_handed(self, attempt: Attempt, result: Encoded) -> Encoded:
        """What may be handed on, and is put somewhere after all if others can change its memory, or if the
        attempt that needs it is not next. Who asks must have let go of the value itself. Raises `NotPicklable`."""
        if not isinstance(result, Handed):
            return result
        if result.make_sure() and self._post.bind_heir(attempt.call, attempt.fence):
            keep_memory()
            return result
        return self.write(result.parts(), "result")

    def told(self, place: Place) -> None:
        """The gateway has been told of a value: what this one refers to need not be kept here."""
        if place.refers:
            self._returned.pop(place.path, None)

    def encode_results(self, results: list[Any]) -> bytes | Place:
        """As `encode`, those of a chunk. A result is the caller's own if it is small, however many there
        are: the buffers of large ones alone are left for the caller to map. Small results travel
        together, because that takes less time than to map them, unless they are too many."""
        inline = self._setup.inline_bytes
        parts = dumps_parts(results, "result", inline)
        size = sum(part.nbytes for part in parts)
        together = max(inline, min(inline * len(results), TOGETHER_BYTES_MAX))
        if len(parts) > 1 or size > min(together, PAYLOAD_BYTES_MAX):
            return self._segments.write(parts, "result")
        data: bytes = parts[0].obj  # type: ignore[assignment]  # as pickle made it, and all there is
        return data

    def _encode_inline(self, value: Any) -> bytes:
        data = dumps(value, "result")
        if len(data) > PAYLOAD_BYTES_MAX:
            raise too_large("the result", len(data))
        return data

    def load_arguments(self, attempt: Attempt, mapped: list[Mapped]) -> Any:
        """The arguments of an attempt; what is mapped for them is noted. Raises `InputMissing`."""
        try:
            if not attempt.inputs:
                self._next = None
                return loads(attempt.payload)
            with supplied(self.sources(attempt, mapped)):
                return loads(attempt.payload)
        except Exception as error:
            note_not_begun(error)
            raise

    def sources(self, attempt: Attempt, mapped: list[Mapped]) -> list[Source]:
        """The inputs of an attempt; what is mapped for them is noted once it is."""
        following = self._next
        if following is not None and all(one.place != following[0] for one in attempt.inputs):
            self._next = None
        return [
            partial(self._load, one, mapped) if one.fence or one.place else one.payload
            for one in attempt.inputs
        ]

    def _load(self, value: Value, mapped: list[Mapped], *, own: bool = False) -> Any:
        if value.fence:
            return self._load_ahead(value, mapped)
        if value.place is None:
            return loads(value.payload)
        place, self._next = self._next, None
        if own or place is None or place[0] != value.place:
            place = value.place, self._map(value.place, own=own)
        mapping = place[1]
        if not own and self._is_next(value.place):
            self._next = place
        mapped.append((value.call, ref(mapping)))
        return self._read(value.place, mapping)

    def _read(self, place: Place, mapping: "View") -> Any:
        from elsewhere.placed import load_for

        return load_for(self.make_settler() if place.refers else None, place, mapping)

    def _is_next(self, place: Place) -> bool:
        """Whether the next attempt is given this too, and so need not map it again."""
        try:
            following = self._post.attempts[0]
        except IndexError:
            return False
        return any(one.place == place for one in following.inputs)

    def _load_ahead(self, value: Value, mapped: list[Mapped]) -> Any:
        # The other thread may be told that nobody waits for this call, and so to let go of its input.
        with self._opening:
            handed = self.handed.find(value)
            if handed is not None:
                return handed.load()
            fence, data = self._recent.get(value.call, (0, b""))
            if fence != value.fence:
                raise DataLost("an input")
            mapping = self._map_ahead(data) if isinstance(data, Place) else None
        if mapping is None or isinstance(data, bytes):
            return loads(data)  # type: ignore[arg-type]  # no place
        mapped.append((value.call, ref(mapping)))
        return self._read(data, mapping)

    def _map_ahead(self, place: Place) -> "View":
        view = self._mapped_ahead(place)
        if view is None:
            view = self._map(place)
            self._mappings[place.path] = ref(view)
        return view

    def _mapped_ahead(self, place: Place) -> "View | None":
        view = self._mappings.get(place.path)
        return None if view is None else view()

    def _map(self, place: Place, *, own: bool = False) -> "View":
        """What lies there, as `map_segment` says. Raises `InputMissing`."""
        from elsewhere.segments.reading import map_segment

        segments = self._open_segments
        view = None if segments is None or own else segments.view(place)
        try:
            return map_segment(place, own=own) if view is None else view
        except FileNotFoundError as error:
            raise InputMissing(place) from error

    def rest(self) -> None:
        """There is no next attempt: what was mapped for it was recalled."""
        self._next = None
        self.handed.clear()

    def hold(self, mapped: Iterable[Mapped]) -> list[tuple[int, "View"]]:
        """Of the inputs of a call that has ended, those that something still refers to."""
        held = [(call, mapping) for call, where in mapped if (mapping := where()) is not None]
        for call, mapping in held:
            mapping.lease = self.leases.take(call)
        return held

    def keep(self, attempt: Attempt, result: Encoded) -> None:
        """The value of a call may be an input of one that was sent behind it."""
        recent = self._recent
        if isinstance(result, Whole):
            result = result.place
        if isinstance(result, Handed):
            self.handed.put(attempt, result)
            return
        with self._opening:
            recent[attempt.call] = (attempt.fence, result)
            if isinstance(result, Place):
                self._recent_at[result.path] = attempt.call
            if len(recent) > RECENT_MAX:
                _, oldest = recent.pop(next(iter(recent)))
                if isinstance(oldest, Place):
                    self._recent_at.pop(oldest.path, None)

    @contextmanager
    def as_told(self, attempt: Attempt) -> Iterator[tuple[Value, ...]]:
        """The inputs of an attempt as another process may be told: none is what came out here. What was handed
        on lies somewhere meanwhile."""
        lent: list[Place] = []
        try:
            yield tuple([self._as_told(one, lent) if one.fence else one for one in attempt.inputs])
        finally:
            if lent:
                self._segments.free(lent, reusable=False)

    def _as_told(self, value: Value, lent: list[Place]) -> Value:
        with self._opening:
            handed = self.handed.find(value)
            if handed is not None:
                lent.append(self.write(handed.parts(), "an input"))
                return Value(value.call, b"", lent[-1])
            fence, data = self._recent.get(value.call, (0, b""))
        if fence != value.fence:
            raise DataLost("an input")
        return Value(value.call, b"", data) if isinstance(data, Place) else Value(value.call, data)

    def lacks(self, attempt: Attempt) -> bool:
        """Whether an input that was to come out here is not there."""
        return any(
            one.fence
            and self._recent.get(one.call, (0,))[0] != one.fence
            and self.handed.find(one) is None
            for one in attempt.inputs
        )

    def free(self, message: Free | Unmap) -> None:
        """Nobody needs these any more, but perhaps calls that were sent behind those that made them and
        whose outcome nobody waits for. From either thread."""
        segments = self._segments
        if isinstance(message, Unmap):
            segments.unmap(message.places)
            with self._opening:
                for place in message.places:
                    self._mappings.pop(
                        place.path, None
                    )  # as all that is mapped from now on is the copy
            return
        with self._opening:
            for place in message.places:
                self._recent.pop(self._recent_at.pop(place.path, 0), None)
                reusable = message.reusable and self._mapped_ahead(place) is None
                self._mappings.pop(place.path, None)
                segments.free([place], reusable=reusable)
