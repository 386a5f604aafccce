"""The user's modules in a worker: each call finds those of the editions that its function was sent with.

What the file that a module was imported from still says is imported from there, as ever. Any other
edition is loaded from memory. A call of an edited module so leaves one that is under way alone: the
modules of each table are kept as long as functions of it are, and lie in ``sys.modules`` while code of
such a call is in control.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

from elsewhere.calls.shipment import PICKLE, File, Shipment, Table
from elsewhere.calls.wire import decode_record, encode_record
from elsewhere.codec.values import loads
from elsewhere.plans.host import PROCESS


class LoadedTable:
    """A table, by the names of its modules."""

    def __init__(self, data: bytes, table: Table) -> None:
        self.data = data
        self.modules = {module.name: module for module in table.modules}
        self.files = {file.given: file for file in table.files}

    def edition(self, name: str) -> bytes:
        """Which edition of a module it has; of one that it does not name, whichever is found."""
        module = self.modules.get(name)
        return b"" if module is None else module.edition


class WorkerEditions:
    """`elsewhere.codec.functions.Editions` of a worker, and a finder of modules.

    `path_of` gives a file with the content of a blob.
    """

    def __init__(self, path_of: Callable[[bytes], str]) -> None:
        self._path_of = path_of
        self.none = LoadedTable(b"", Table())
        self.current = self.none
        """the table of the call that is in control"""
        self._tables: WeakValueDictionary[bytes, LoadedTable] = WeakValueDictionary()
        self.used = False
        """there was a table"""
        self._tables_of: dict[int, LoadedTable] = {}
        """by function, since there was a table"""
        self._kept: dict[tuple[str, bytes], ModuleType] = {}
        """by name and edition, the modules that are not in force"""

    # ------------------------------------------------------------ functions

    def now(self) -> object:
        """As `Editions.now`."""
        return self.current

    def late(self, function: object) -> None:
        """As `Editions.late`: what it was sent with says what it imports."""

    def pack(self, function: object, code: bytes, late: object = None) -> bytes:
        """As `Editions.pack`: what this worker was sent goes along."""
        if self.current is self.none:
            return code
        return encode_record(Shipment(code, self.current.data))

    def table_of(self, function: int, known: dict[int, object]) -> LoadedTable:
        """The table that a function was decoded with; the one in force, if it is not decoded yet.

        `known` are all functions that may be called again, as code if they are not decoded.
        """
        if type(known[function]) is bytes:
            return self.current
        return self._tables_of.get(function, self.none)

    @contextmanager
    def lent(self, function: int, known: dict[int, object]) -> Iterator[None]:
        """In a thread whose main thread stands still: the modules of this function, for as long."""
        before = self.current
        if self.used:
            self.enter(self.table_of(function, known))
        try:
            yield
        finally:
            self.enter(before)

    def decode(self, code: bytes) -> Any:
        """What was encoded, in its own table, which is in force from now on.

        Raises `EnvironmentDiffers`, ImportError, and what loading the user's modules raises.
        """
        if code[:1] == PICKLE:
            self.enter(self.none)
            return loads(code)
        shipment = decode_record(code, Shipment)
        if shipment.distributions:
            from elsewhere.worker.environment import check_distributions

            check_distributions(shipment.distributions, strict=shipment.strict)
        table = self._tables.get(shipment.table)
        if table is None:
            table = LoadedTable(shipment.table, decode_record(shipment.table, Table))
            self._tables[shipment.table] = table
        if not self.used:
            self.used = True
            PROCESS.file_of = self.file_of
            sys.meta_path.insert(0, self)
        self.enter(table)
        return loads(shipment.code)

    def note(self, function: int, known: dict[int, object]) -> LoadedTable:
        """The table in force, in which this function was decoded just now. `known` as in `table_of`."""
        if self.used:
            self._tables_of[function] = self.current
            for gone in self._tables_of.keys() - known.keys():
                del self._tables_of[gone]
            self._let_go(known)
        return self.current

    def _let_go(self, known: dict[int, object]) -> None:
        """Keep no module that no table has. What was there before the first table is needed as long as
        functions are that were decoded before it."""
        tables = [*self._tables.values()]
        needed = {(name, table.edition(name)) for table in tables for name in table.modules}
        before = any(
            self._tables_of.get(number, self.none) is self.none and type(one) is not bytes
            for number, one in known.items()
        )
        for kept in [one for one in self._kept if one not in needed and (one[1] or not before)]:
            del self._kept[kept]

    # ------------------------------------------------------------ modules

    def enter(self, table: LoadedTable) -> None:
        """From now on modules are found in the editions of this table."""
        before, self.current = self.current, table
        if before is table:
            return
        for name in sorted({*before.modules, *table.modules}):
            if before.edition(name) == table.edition(name):
                continue
            old = sys.modules.pop(name, None)
            if old is not None:
                self._kept[name, before.edition(name)] = old
            new = self._kept.pop((name, table.edition(name)), None)
            if new is not None:
                sys.modules[name] = new
            _bind_in_parent(name, old, new)

    def file_of(self, given: str) -> File | None:
        """What a module of the table in force means by a path."""
        return self.current.files.get(given)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder.find_spec`."""
        module = self.current.modules.get(name)
        if module is None:
            return None
        from elsewhere.worker.loading import spec_for

        return spec_for(module, self._path_of)


def _bind_in_parent(name: str, old: ModuleType | None, new: ModuleType | None) -> None:
    """A package has its modules as attributes; where it is the same, they must not be the old ones."""
    above, _, last = name.rpartition(".")
    parent = sys.modules.get(above)
    if parent is None:
        return
    if new is not None:
        setattr(parent, last, new)
    elif old is not None and vars(parent).get(last) is old:
        delattr(parent, last)
