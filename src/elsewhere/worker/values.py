"""What a worker does with values: small ones travel, large ones stay in a segment of its node.

Only who meets a large value pays for the imports of what writes and maps segments.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import ref

from elsewhere.calls.messages import Attempt, Drop, Free, Place, Setup, Value
from elsewhere.calls.wire import PAYLOAD_BYTES_MAX
from elsewhere.codec.values import dumps, dumps_parts, loads, too_large
from elsewhere.errors import DataLost
from elsewhere.worker.post import Post

if TYPE_CHECKING:
    from elsewhere.segments.reading import Leases, Mapping
    from elsewhere.segments.writing import Segments

RECENT_MAX = 4096
"""How many values are kept for calls that were sent behind those that made them."""
Mapped = tuple[int, "ref[Mapping]"]
"""the call that made an input, and where that is mapped"""


class Values:
    """Encodes results and decodes inputs."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._setup = Setup(0, b"")
        self._next: tuple[Place, Mapping] | None = None
        """what is mapped for the next attempt"""
        self._recent: dict[int, tuple[int, bytes | Place]] = {}
        """by call: the fence and the value of those that came out last and may be needed"""
        post.on_free = self.free

    def open(self, setup: Setup) -> None:
        """Learn where large values go."""
        self._setup = setup

    @cached_property
    def _segments(self) -> "Segments":
        from elsewhere.segments.writing import Segments

        return Segments(self._setup.directory, self._setup.worker)

    @cached_property
    def leases(self) -> "Leases":
        """The values that this worker needs although no call of it is being given them."""
        from elsewhere.segments.reading import Leases

        return Leases(lambda call: self._post.outgoing.append(Drop([call])))

    def encode(self, value: Any, *, stays: bool) -> bytes | Place:
        """The bytes of a result, or where they were put. Raises `NotPicklable`."""
        if not stays:
            return self._encode_inline(value)
        parts = dumps_parts(value, "result")
        size = sum(part.nbytes for part in parts)
        if size > min(self._setup.inline_bytes, PAYLOAD_BYTES_MAX):
            return self._segments.write(parts, "result")
        if len(parts) > 1:
            return self._encode_inline(value)
        data: bytes = parts[0].obj  # type: ignore[assignment]  # as pickle made it
        return data

    def _encode_inline(self, value: Any) -> bytes:
        data = dumps(value, "result")
        if len(data) > PAYLOAD_BYTES_MAX:
            raise too_large("the result", len(data))
        return data

    def load_arguments(self, attempt: Attempt, mapped: list[Mapped]) -> Any:
        """The arguments of an attempt; what is mapped for them is noted."""
        if not attempt.inputs:
            return loads(attempt.payload)
        from elsewhere.codec.references import supplied

        with supplied(lambda position: self._load(attempt.inputs[position], mapped)):
            return loads(attempt.payload)

    def _load(self, value: Value, mapped: list[Mapped]) -> Any:
        data: bytes | Place = value.payload if value.place is None else value.place
        if value.fence:
            _, data = self._recent[value.call]
        if isinstance(data, bytes):
            return loads(data)
        from elsewhere.segments.reading import load_value, map_segment

        place, self._next = self._next, None
        if place is None or place[0] != data:
            try:
                place = data, map_segment(data)
            except FileNotFoundError as error:
                raise DataLost("an input") from error
        mapping = place[1]
        if self._is_next(data):
            self._next = place
        mapped.append((value.call, ref(mapping)))
        return load_value(mapping)

    def _is_next(self, place: Place) -> bool:
        """Whether the next attempt is given this too, and so need not map it again."""
        try:
            following = self._post.attempts[0]
        except IndexError:
            return False
        return any(one.place == place for one in following.inputs)

    def hold(self, mapped: Iterable[Mapped]) -> list[tuple[int, "Mapping"]]:
        """Of the inputs of a call that has ended, those that something still refers to."""
        held = [(call, mapping) for call, where in mapped if (mapping := where()) is not None]
        for call, mapping in held:
            mapping.lease = self.leases.take(call)
        return held

    def keep(self, attempt: Attempt, result: bytes | Place) -> None:
        """The value of a call may be an input of one that was sent behind it."""
        recent = self._recent
        recent[attempt.call] = (attempt.fence, result)
        if len(recent) > RECENT_MAX:
            del recent[next(iter(recent))]

    def lacks(self, attempt: Attempt) -> bool:
        """Whether an input that was to come out here is not there."""
        return any(
            one.fence and self._recent.get(one.call, (0,))[0] != one.fence for one in attempt.inputs
        )

    def free(self, message: Free) -> None:
        """Nobody needs these any more."""
        self._segments.free(message.places, reusable=message.reusable)
