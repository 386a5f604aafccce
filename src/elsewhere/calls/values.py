"""Values that stay where they were made: where they lie, and what is said of them."""

from elsewhere.calls.wire import Record

INLINE_BYTES = 2**17
"""A larger value stays where it was made. To map it takes longer than to send a smaller one."""


FREE_BYTES_MAX = 2**28
"""How much one process keeps, at most, of what nobody needs any more, to use it again."""
NAMES_MAX = 8
"""How many names of calls are told whose values were made from each other and lost."""


class Place(Record, frozen=True):
    """Where a large value lies: a file that the processes of its node map."""

    path: str
    """empty if it lies nowhere, because it was `handed_on`"""
    nbytes: int
    on_disk: bool = False
    """it was written to the disk at once, where it is found under this name"""
    refers: tuple[int, ...] = ()
    """The values of which futures are in this one, by number; they stay as long as it does."""

    @property
    def handed_on(self) -> bool:
        """Whether the worker that made the value gave it to the one call that needs it, and to nobody else."""
        return not self.path


class Value(Record, frozen=True):
    """The value of a call: encoded, or where it lies."""

    call: int
    payload: bytes
    place: Place | None = None
    fence: int = 0
    """More than 0: the value is what comes out of this attempt at the call in the worker itself."""


class Transfer(Record, frozen=True):
    """So much of the inputs of an attempt was brought from another node, in so many seconds."""

    node: int
    nbytes: int
    seconds: float


class Put(Record, frozen=True, tag=7):
    """A value that no call has made, under a number as if one had."""

    call: int
    place: Place


class Drop(Record, frozen=True, tag=6):
    """Who asked for these calls, or was given their values, needs the values no more."""

    calls: list[int]


class Waive(Record, frozen=True, tag=44):
    """Who asked for these calls wants them to run, and will not ask for their values. It says nothing if they
    have come out."""

    calls: list[int]


class Hold(Record, frozen=True, tag=43):
    """Who was given a value has futures of these, which it refers to, and needs them until it says `Drop`."""

    calls: list[int]


class Free(Record, frozen=True, tag=29):
    """Nobody needs what lies here any more."""

    places: list[Place]
    reusable: bool = True
    """Whether nobody has mapped it either."""


class Unmap(Record, frozen=True, tag=35):
    """What lies here was moved to a disk: who has written it lets go of the memory."""

    places: list[Place]


class Spill(Record, frozen=True, tag=41):
    """There is too little shared memory: move this value to a disk."""

    call: int
    place: Place


class Moved(Record, frozen=True, tag=8):
    """The answer to `Spill`: whether the value lies on a disk now, under the same name."""

    call: int
    place: Place
    done: bool


class Missing(Record, frozen=True, tag=9):
    """Who has the value of a call does not find it at this place: where is it? It is told by a
    settlement of the call, once the value is there."""

    call: int
    place: Place


class Loss(Record, frozen=True):
    """Why a value was lost for good; the payload of a settlement that is `LOST`."""

    names: tuple[str, ...]
    """the functions of the calls, each made from the next; the last could not be made. "" was put"""
    verdict: int | None = None
    """how that one came out when it was to be made again; None if nobody knows how it was made"""
    payload: bytes = b""
    """what it raised, if it did"""

    def of(self, name: str) -> "Loss":
        """The loss of what was made from that; of a long chain the first and the last are told."""
        names = (name, *self.names)
        if len(names) > NAMES_MAX:
            names = (*names[: NAMES_MAX - 1], names[-1])
        return Loss(names, self.verdict, self.payload)
