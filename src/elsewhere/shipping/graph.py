"""Which modules of the user's import which, and what else they import, without running any."""

import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from importlib.util import decode_source
from typing import NamedTuple

from elsewhere.calls.shipment import Form, Module
from elsewhere.keys.names import Import, imports_of
from elsewhere.keys.origin import library_of_module
from elsewhere.shipping.contents import Content, Contents, is_users
from elsewhere.shipping.specs import absolute, parents

EDITION_BYTES = 16


class Needed(NamedTuple):
    """What the import statements of a module or function name."""

    modules: frozenset[str]
    """of the user's own"""
    held: frozenset[str]
    """those of them that are imported at once, and of which something may be kept"""
    libraries: frozenset[str]
    """modules of libraries"""


class Graph:
    """Modules by name, as far as they were looked at."""

    def __init__(self) -> None:
        self._contents = Contents()
        self.found: dict[str, Content] = {}
        self.needed: dict[str, Needed] = {}
        """by module; of libraries, those that it imports at once"""
        self._read: dict[bytes, Needed] = {}
        """what is in `needed` and was, by name and content"""

    def look_again(self) -> None:
        """Some modules may not be what they were."""
        self.found.clear()
        self.needed.clear()

    def reach(self, names: Iterable[str]) -> set[str]:
        """These modules, and all that they need, directly or through others."""
        return self._walk(names, lambda needed: needed.modules)

    def hold(self, name: str) -> set[str]:
        """A module, and those of which it may keep something: it must be loaded anew if they are."""
        return self._walk([name], lambda needed: needed.held)

    def _walk(self, names: Iterable[str], next_of: Callable[[Needed], frozenset[str]]) -> set[str]:
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached and self._look(name):
                reached.add(name)
                waiting += next_of(self.needed[name])
        return reached

    def edition(self, name: str) -> Module:
        """A module that was reached, as it is now."""
        digest = blake2b(digest_size=EDITION_BYTES)
        for other in sorted(self.hold(name)):
            digest.update(b"%s %s\n" % (other.encode(), self.found[other].blob))
        digest.update(name.encode())
        content = self.found[name]
        return Module(
            name,
            digest.digest(),
            content.form,
            content.path,
            content.folders,
            content.blob,
            content.size,
            content.modified_ns,
        )

    def _look(self, name: str) -> bool:
        """Whether there is such a module of the user's; if so it is in `found`."""
        if name not in self.found:
            content = self._contents.find(name)
            if content is None:
                return False
            self.found[name] = content
            sign = content.blob + name.encode()
            if sign not in self._read:
                self._read[sign] = _needed_by(content)
            self.needed[name] = self._read[sign]
        return True


def _needed_by(content: Content) -> Needed:
    above = frozenset(parents(content.name))
    needed = Needed(frozenset(), frozenset(), frozenset())
    if content.form is Form.TEXT:
        # Text that was edited and is not finished says nothing. Whoever loads it is told, there as here.
        with suppress(SyntaxError, ValueError):
            text = decode_source(content.data)
            code = compile(text, content.path, "exec", dont_inherit=True)
            package = (
                content.name if content.folders is not None else content.name.rpartition(".")[0]
            )
            needed = needed_by_code(code, package)
    return Needed(needed.modules | above, needed.held | above, needed.libraries)


def needed_by_code(code: types.CodeType, package: str, *, whole: bool = False) -> Needed:
    """What the import statements in the code need; with `whole`, also libraries that are imported
    only when a function inside it runs."""
    modules: set[str] = set()
    held: set[str] = set()
    libraries: set[str] = set()
    for what, at_once in imports_of(code):
        for name in _names_of(what, package):
            if is_users(name):
                modules.update((name, *parents(name)))
                if at_once:
                    held.update((name, *parents(name)))
            elif whole or (at_once and name in sys.modules):
                libraries.add(name)
    return Needed(frozenset(modules), frozenset(held), frozenset(libraries))


def _names_of(what: Import, package: str) -> Iterator[str]:
    """The modules that an import statement may load."""
    name = absolute(what.level, what.module, package)
    if name is None:
        return  # it fails there as here
    yield name
    for taken in what.attributes:
        # `from package import name` takes a module or anything else.
        if taken != "*" and is_users(name) and is_users(f"{name}.{taken}"):
            yield f"{name}.{taken}"


def distributions_of(libraries: Iterable[str]) -> set[tuple[str, str]]:
    """Installed distributions that these modules are of, by name and version."""
    found = set()
    for name in libraries:
        try:
            library = library_of_module(name)
        except (KeyError, ImportError):
            continue  # it is not there, here either
        for one in (library or "").split(", "):
            words = one.split(" ")
            if len(words) > 1:
                found.add((words[0], words[1]))
    return found
