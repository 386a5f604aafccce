"""Every message, by who says it to whom.

    client  → gateway   Define, Release, Submit, Given, Cancel, Drop, Put, Missing, Hold, and Moved, Inquire,
                        Offer, Unavailable
    worker  → gateway   Ready, Unready, Done, Died, Returned, Parked, Resumed, Has, Made, Evicted,
                        Inventory, Seek, Offer, Unavailable, and the client's first nine for calls
                        inside calls                             (and Said, to the client's screen,
                                                                        and Imported, to the engine)
    engine  → gateway   Started, Lost, NodeLost
    store   → gateway   Written
    gateway → worker    Define, Forget, Run, Recall, Interrupt, Share, Answer, Need, Free, Unmap,
                        Inquire, Source, Stop
                                                                            (Setup is the engine's)
    gateway → engine    Kill
    gateway → client    Kept, Need, Free, Spill, Wanted, and the settlements of a Turn

Those about values that stay where they were made are in `elsewhere.calls.values`, those about what
workers keep for their calls in `elsewhere.calls.resources`, those about blobs in `elsewhere.calls.blobs`,
those about the beginning and the end of a worker in `elsewhere.calls.workers`, all others here.

Payloads are opaque bytes to the gateway. Workers are named by numbers that the engine counts upwards
from 1; calls and functions by numbers that their makers count upwards from 1, to which a worker adds
its own number times `NUMBERS_PER_WORKER`.
"""

from enum import IntEnum
from typing import TypeAlias

from elsewhere.calls.blobs import Offer, Seek, Source, Unavailable, Wanted
from elsewhere.calls.resources import Evicted, Inquire, Inventory, Made, ResourceName
from elsewhere.calls.span import Ran
from elsewhere.calls.values import (
    Drop,
    Free,
    Hold,
    Missing,
    Moved,
    Place,
    Put,
    Spill,
    Transfer,
    Unmap,
    Value,
    Waive,
)
from elsewhere.calls.verdict import Verdict as Verdict  # noqa: PLC0414  # so it is taken for exported
from elsewhere.calls.wire import Record, replace
from elsewhere.calls.workers import (
    Exit,
    Imported,
    Kill,
    Lost,
    NodeLost,
    Ready,
    Setup,
    Started,
    Stop,
    Unready,
)

DEATHS_MAX = 3
CHAIN_MAX = 8
"""How many names of calls that needed each other are told, the last ones."""
NUMBERS_PER_WORKER = 2**40


class Kind(IntEnum):
    """How a worker applies the function to the payload."""

    CALL = 0
    """payload is (args, kwargs): one call."""
    MAP = 1
    """payload is a list of single arguments: one call for each, a list of results."""
    STARMAP = 2
    """payload is a list of argument tuples."""
    WARM = 3
    """payload is empty: make what the function is given, and do not call it."""


class Options(Record, frozen=True):
    """What the caller asks of a call. One object serves all calls of a batch."""

    timeout: float | None = None
    """Seconds that one attempt may run."""
    retries: int = 0
    """How often an attempt that raised or ran out of time is tried again."""
    interrupt: bool = False
    """Whether cancelling also stops a call that runs."""
    deaths_max: int = DEATHS_MAX
    """How many workers it may take down before it is quarantined."""
    remember_errors: bool = False
    """Whether what a call with a key raises is remembered as its value would be."""
    fork: bool = False
    """Whether it runs in a fork of its worker."""


class Settlement(Record, frozen=True):
    """The one outcome of a call. ``attempt`` counts from 1; ``worker`` is 0 if none took it."""

    call: int
    verdict: Verdict
    payload: bytes = b""
    worker: int = 0
    attempt: int = 0
    deaths: int = 0
    started: float = 0.0
    elapsed: float = 0.0
    exit: Exit | None = None
    chain: tuple[str, ...] = ()
    """The names of the calls that had this one as their input, the last first; empty for its own."""
    place: Place | None = None
    """Where the value lies, if it is not the payload; it stays there until it was `Drop`ped."""
    kept_as: int = 0
    """The call that made that value, and under whose number it is kept, if this one has joined that."""

    def as_kept(self) -> "Settlement":
        """The same under the number by which its value is known, for who has that now."""
        return replace(self, call=self.kept_as, kept_as=0) if self.kept_as else self

    @property
    def nbytes(self) -> int:
        """How many bytes what came out takes, encoded, wherever it lies."""
        return len(self.payload) if self.place is None else self.place.nbytes

    def told_again(self, call: int, needed_by: str = "") -> "Settlement":
        """The same for another call: one that joined it, or one of a function that needed its value."""
        chain = (needed_by, *self.chain)[:CHAIN_MAX] if needed_by else self.chain
        return Settlement(
            call,
            self.verdict,
            self.payload,
            self.worker,
            self.attempt,
            self.deaths,
            exit=self.exit,
            chain=chain,
            place=self.place,
        )


class Input(Record, frozen=True):
    """A call whose value is an argument of another one; ``settlement`` if whoever asks has it."""

    call: int
    settlement: Settlement | None = None


# ---------------------------------------------------------------- client → gateway


class Define(Record, frozen=True, tag=1):
    """A function and its code; also gateway → worker, once each, before its first call there."""

    function: int
    code: bytes
    name: str = ""
    resources: tuple[ResourceName, ...] = ()
    """what a worker keeps for calls of it, and has to make if it has not; not told to workers"""


class Release(Record, frozen=True, tag=2):
    """Who defined these functions will submit no more calls of them."""

    functions: list[int]


class Call(Record, frozen=True):
    """A function, its arguments and what is asked of it."""

    id: int
    function: int
    payload: bytes
    options: Options
    kind: Kind = Kind.CALL
    items: int = 1
    """how many the payload has; of a `WARM` one, how many workers are to have what it makes"""
    key: bytes = b""
    """The content name of a pure call: equal keys run once. Empty for any other call."""
    parent: int = 0
    """The call inside which this one was made, as far as the gateway knows it; 0 for a client's."""
    label: str = ""
    """A call with a key, in words."""
    parts: bytes = b""
    """What the key was made of, for the store."""
    inputs: tuple[Input, ...] = ()
    """The calls whose values it is given, in the order in which the payload counts them."""


class Submit(Record, frozen=True, tag=3):
    calls: list[Call]


class Cancel(Record, frozen=True, tag=4):
    """Take calls back. One that runs is stopped if this or its options say ``interrupt``."""

    calls: list[int]
    interrupt: bool = False


class Given(Record, frozen=True, tag=5):
    """The answer to `Need`."""

    call: int
    inputs: tuple[Input, ...]


# ---------------------------------------------------------------- worker → gateway


class Outcome(Record, frozen=True):
    """What became of one attempt. Times are seconds of the worker's monotonic clock."""

    call: int
    fence: int
    verdict: Verdict
    payload: bytes
    started: float
    elapsed: float
    place: Place | None = None
    """Where the value lies, if it is not the payload; or where an input is `MISSING`."""
    holds: tuple[int, ...] = ()
    """The inputs, by number, that something in the worker still refers to."""
    transfers: tuple[Transfer, ...] = ()
    """What of its inputs had to be brought from other nodes."""
    building: float = 0.0
    """How many of these seconds went into what its function is given, which the next call finds."""


class Done(Record, frozen=True, tag=12):
    outcomes: list[Outcome]


class Died(Record, frozen=True, tag=39):
    """The fork that ran this attempt has ended without an outcome. The worker lives."""

    call: int
    fence: int
    exit: Exit
    holds: tuple[int, ...] = ()
    """As those of an outcome."""


class Returned(Record, frozen=True, tag=13):
    """The answer to `Recall`: attempts given back unstarted, and attempts that had been started.

    Both are pairs of call and fence.
    """

    returned: list[tuple[int, int]]
    kept: list[tuple[int, int]]


class Parked(Record, frozen=True, tag=15):
    """This attempt waits for other calls: its worker has gone on to what it holds behind it."""

    call: int
    fence: int


class Resumed(Record, frozen=True, tag=16):
    """This attempt, which was parked, runs again, before all that its worker holds."""

    call: int
    fence: int


class Has(Record, frozen=True, tag=17):
    """So many calls wait in the worker that were made inside its calls; also the answer to `Share`."""

    calls: int


class Said(Record, frozen=True, tag=14):
    """Whole lines that a call printed; ``stream`` is 1 for standard output, 2 for standard error."""

    stream: int
    text: str


# ---------------------------------------------------------------- gateway → worker


class Attempt(Record, frozen=True):
    """One try at a call by one worker, with its fence number."""

    call: int
    fence: int
    function: int
    payload: bytes
    kind: Kind
    inputs: tuple[Value, ...] = ()
    """The values of its inputs."""
    remembered: bool = False
    """Whether its value is for the store: then all of it travels, even if it stays where it is made."""
    needed: bool = False
    """Whether its value may be an input of an attempt that is sent before it is known."""
    fork: bool = False
    """Whether it is to run in a fork of the worker."""
    hands_on: bool = False
    """Whether nobody needs its value but the attempt that is sent right behind it."""


class Forget(Record, frozen=True, tag=21):
    functions: list[int]


class Run(Record, frozen=True, tag=22):
    attempts: list[Attempt]


class Recall(Record, frozen=True, tag=23):
    """Give these attempts (call, fence) back if they have not been started."""

    attempts: list[tuple[int, int]]


class Interrupt(Record, frozen=True, tag=24):
    """Raise `CallInterrupted` in this attempt if it is the one that runs."""

    call: int
    fence: int


class Share(Record, frozen=True, tag=26):
    """Somebody idles: submit about half of the calls that wait in you, the oldest ones."""


# ---------------------------------------------------------------- store → gateway


class Written(Record, frozen=True, tag=33):
    """The rows of these keys are as durable as was asked for, or `failure` says why not."""

    keys: list[bytes]
    failure: str = ""


# ---------------------------------------------------------------- gateway → client


class Kept(Record, frozen=True, tag=40):
    """These calls could not be taken back: they run."""

    calls: list[int]


class Answer(Record, frozen=True, tag=27):
    """The outcomes of calls that the worker had submitted."""

    settlements: list[Settlement]


class Need(Record, frozen=True, tag=28):
    """To who asked for this call: these inputs of it were settled before it came, so say how."""

    call: int
    inputs: list[int]


FromAsker: TypeAlias = (
    Define | Release | Submit | Cancel | Given | Drop | Waive | Put | Missing | Hold
)
OfAttempts: TypeAlias = Ready | Unready | Done | Died | Returned | Parked | Resumed | Has
OfBlobs: TypeAlias = Seek | Offer | Unavailable
OfResources: TypeAlias = Made | Evicted | Inventory
OfEngine: TypeAlias = Started | Lost | NodeLost
ForCalls: TypeAlias = Define | Forget | Run | Recall | Interrupt | Share | Answer | Need
ForWorkers: TypeAlias = ForCalls | Free | Unmap | Inquire | Source | Stop
ToWorker: TypeAlias = Setup | ForWorkers
FromWorker: TypeAlias = FromAsker | OfAttempts | OfBlobs | OfResources | Said | Imported | Ran
ToGateway: TypeAlias = (
    FromAsker | OfAttempts | OfBlobs | OfResources | OfEngine | Written | Moved | Inquire
)
FromGateway: TypeAlias = ForWorkers | Kill | Kept | Spill | Wanted
