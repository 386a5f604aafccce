"""What workers keep for calls that are given it: its names, and the messages about it."""

from elsewhere.calls.wire import Record


class ResourceName(Record, frozen=True):
    """What a worker keeps for the calls that need it. Equal digests are one resource, wherever it is made."""

    digest: bytes
    label: str
    """its provider and arguments, in words"""


class KnownResource(Record, frozen=True):
    """One of the things that a function's calls are given, or that these are made with, as its client found
    it. Both are empty where it has no name that is the same in all processes."""

    resource: ResourceName = ResourceName(b"", "")
    place: bytes = b""
    """the same for providers of which one was defined in place of the other; empty if that is not known"""


class Made(Record, frozen=True, tag=50):
    """The worker has made this, and keeps it until it says `Evicted`."""

    resource: ResourceName
    seconds: float
    """what making it took, without what it was made with"""
    nbytes: int
    """by how much the worker has grown meanwhile"""


class Evicted(Record, frozen=True, tag=51):
    """The worker has given this up."""

    digest: bytes


class Inquire(Record, frozen=True, tag=52):
    """From the client to the gateway, and from there to each worker that keeps something: how often
    was it used?"""


class Use(Record, frozen=True):
    """How a resource was used since it was made."""

    digest: bytes
    uses: int
    """how often it was given; the first time it had to be made"""
    idle_seconds: float
    """for how long nobody has had it; 0 while it is in use"""


class Inventory(Record, frozen=True, tag=53):
    """The answer of a worker to `Inquire`: all that it keeps."""

    uses: list[Use]
