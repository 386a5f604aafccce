"""Blobs: content that a node holds as a file named by its hash; the messages about who has which."""

from elsewhere.calls.wire import Record

PEERS_MAX = 2
"""To how many nodes one that has a blob hands it on."""


class Seek(Record, frozen=True, tag=18):
    """A worker's node lacks this blob: from whom is it to be fetched? `Source` answers."""

    blob: bytes


class Offer(Record, frozen=True, tag=19):
    """Who says so has this blob, and serves it at this address."""

    blob: bytes
    address: str


class Unavailable(Record, frozen=True, tag=37):
    """This blob is not to be had at this address; from the client, who has none: nowhere."""

    blob: bytes
    reason: str
    address: str = ""


class Source(Record, frozen=True, tag=36):
    """The answer to `Seek`: where the blob is to be fetched, or "" and the reason why nowhere."""

    blob: bytes
    address: str
    reason: str = ""


class Wanted(Record, frozen=True, tag=42):
    """To the client: nobody else has this blob. `Offer` or `Unavailable` answers."""

    blob: bytes


class Fetch(Record, frozen=True):
    """What is said first at an address: which blob is wanted."""

    blob: bytes


class Length(Record, frozen=True):
    """What is said back, before the bytes themselves; None, and the reason, where there are none."""

    nbytes: int | None
    reason: str = ""
