"""What goes along with the code of a function: which modules of the user's it needs, in which edition."""

from enum import IntEnum

from elsewhere.calls.wire import Record


class Form(IntEnum):
    """What the content of a module is."""

    TEXT = 0
    EXTENSION = 1
    """compiled, as a shared library"""
    BYTECODE = 2
    """what Python has compiled, without its text"""
    NAMESPACE = 3
    """none: a package that is but folders"""


class Module(Record, frozen=True):
    """One edition of a module of the user's."""

    name: str
    edition: bytes
    """the same if and only if this content is, and that of each of the user's modules of which it may
    keep something: that it imports as it is loaded"""
    form: Form
    path: str = ""
    """where it was imported from"""
    folders: tuple[str, ...] | None = None
    """of a package: where its modules are looked for"""
    blob: bytes = b""
    """the name of its content"""
    size: int = 0
    modified_ns: int = 0
    """of its file; 0 if that was written just before, and its time says nothing"""


class File(Record, frozen=True):
    """A data file that a module names."""

    given: str
    """how it is named there"""
    path: str
    name: bytes
    """the name of its content; empty if it was edited since"""
    size: int
    modified_ns: int
    inode: int


class Table(Record, frozen=True):
    """The editions of modules that are in force together."""

    modules: tuple[Module, ...] = ()
    files: tuple[File, ...] = ()
    """what the modules name"""


class Shipment(Record, frozen=True):
    """The code of a function with what it needs. Encoded, it begins with no byte of a pickle."""

    code: bytes
    table: bytes
    """an encoded `Table`"""
    distributions: tuple[tuple[str, str], ...] = ()
    """installed distributions by name and version"""
    strict: bool = True
    """Whether one that is missing or different is an error."""


PICKLE = b"\x80"
"""the first byte of every pickle of a protocol in use"""
