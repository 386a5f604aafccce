"""Packs the code of functions with tables of the editions that they need."""

import sys
from collections.abc import Iterable
from types import FunctionType, ModuleType

from elsewhere.calls.shipment import Module, Shipment, Table
from elsewhere.calls.wire import encode_record
from elsewhere.codec.byvalue import collect
from elsewhere.codec.captured import is_importable
from elsewhere.keys.origin import OURS
from elsewhere.shipping.contents import is_users, users_modules
from elsewhere.shipping.files import files_of
from elsewhere.shipping.graph import Graph, distributions_of, needed_by_code


class Packing:
    """One thread at a time. What is found is taken to be so as long as `now` is the same."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._graph = Graph()
        self._seen: object = None
        self._users: list[str] = []
        self._tables: dict[frozenset[str], tuple[Module, ...]] = {}

    def pack_edited(
        self, code: bytes, now: object, edited: Iterable[str], late: Iterable[str]
    ) -> bytes:
        """With those modules that need one that was `edited`, of those that are loaded here and those
        that the function imports `late`."""
        self._look(now)
        users = {*self._users, *self._graph.reach(late)}
        again = users.intersection(edited)
        affected = [name for name in users if again and again & self._graph.hold(name)]
        table = self._table(frozenset(affected))
        return encode_record(Shipment(code, encode_record(Table(table))))

    def pack_all(self, function: object, code: bytes, now: object) -> bytes:
        """With all of the user's modules that the function or its arguments may need."""
        self._look(now)
        modules, libraries = self._roots(function)
        reached = self._graph.reach(modules)
        for name in reached:
            libraries |= self._graph.needed[name].libraries
        # What the arguments of its calls consist of is loaded, or there would be no such arguments.
        names = frozenset(reached | self._graph.reach(self._users))
        distributions = tuple(sorted(distributions_of(libraries)))
        table = Table(self._table(names), files_of(names))
        return encode_record(Shipment(code, encode_record(table), distributions, self._strict))

    def _roots(self, function: object) -> tuple[set[str], set[str]]:
        """The modules that a function needs by itself: the user's own, and those of libraries."""
        modules: set[str] = set()
        libraries: set[str] = set()
        for one in collect(function):
            name = one.__name__ if isinstance(one, ModuleType) else one.__module__
            if isinstance(one, FunctionType) and (one is function or not is_importable(one)):
                needed = needed_by_code(one.__code__, _package(one), whole=True)
                modules |= needed.modules
                libraries |= needed.libraries
            if is_users(name):
                modules.add(name)
            elif name.partition(".")[0] != OURS and name in sys.modules:
                libraries.add(name)
        return modules, libraries

    def _look(self, now: object) -> None:
        if now != self._seen:
            self._seen = now
            self._graph.look_again()
            self._tables.clear()
            self._users = users_modules()

    def _table(self, names: frozenset[str]) -> tuple[Module, ...]:
        table = self._tables.get(names)
        if table is None:
            table = tuple(self._graph.edition(name) for name in sorted(names))
            self._tables[names] = table
        return table


def _package(function: FunctionType) -> str:
    return str(function.__globals__.get("__package__") or "")
