"""All that a function reaches by name, default or closure, as a graph of nodes.

A node is a function or a class of the user's own. What it reads is followed: to other nodes, to
values, and to libraries, which are named by their version and not entered.
"""

import types
from typing import Any, NamedTuple

from elsewhere.errors import NoKey
from elsewhere.keys.canonical import Writer
from elsewhere.keys.classes import members_of
from elsewhere.keys.names import Read, reads_of
from elsewhere.keys.node import Node, Part
from elsewhere.keys.objects import CALLABLES, write_other
from elsewhere.keys.references import LOOKUP_REMEDY, library_of_function, write_reference
from elsewhere.keys.resolve import UNBOUND, OfLibrary, cell_value, resolve
from elsewhere.keys.source import text_of
from elsewhere.keys.watch import Watch
from elsewhere.plans.plan import plan_of

PRIVATE = "__elsewhere_"
"""attributes of functions that begin so say how to run it, not what it does"""

_NAMESPACES = ("__globals__", "f_globals", "f_back", "__builtins__")


class Reached(NamedTuple):
    """Something that a fingerprint covers: for people who ask why a key has changed."""

    kind: str
    name: str
    parts: list[Part]
    value: Any


class _Refused(Exception):
    """A refusal whose path is complete, because it begins with a name; the way there is not told."""

    def __init__(self, error: NoKey) -> None:
        super().__init__(error)
        self.error = error


class Reach:
    """One walk from a function through all that it reaches. `watch` tells whether it still is so."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.reached: list[Reached] = []
        self.names: dict[Node, str] = {}
        self.libraries: set[str] = set()
        self._nodes: dict[int, Node] = {}

    def root(self, value: Any) -> Node:
        """The node of any callable. Raises `NoKey`."""
        writer = self._writer()
        try:
            writer.write(value)
        except _Refused as refused:
            raise refused.error from refused.__cause__
        node = Node()
        node.parts = writer.out
        self.watch.value(value)
        return node

    def _writer(self) -> Writer:
        return Writer(write_other, self._refer, in_order=True)

    def _refer(self, writer: Writer, value: Any) -> None:
        library = write_reference(writer, value, self._follow)
        if library is not None:
            self.libraries.update(library.split(", "))

    def _follow(self, writer: Writer, value: Any) -> None:
        node = self._nodes.get(id(value))
        if node is None:
            self.watch.keep(value)
            node = self._nodes[id(value)] = Node()
            self.names[node] = f"{value.__module__}.{value.__qualname__}"
            try:
                if isinstance(value, type):
                    self._enter_class(node, value)
                else:
                    self._enter_function(node, value)
            except NoKey as error:
                raise _Refused(error) from error.__cause__
        writer.out.append(node)

    def _enter_class(self, node: Node, kind: type) -> None:
        name = self.names[node]
        writer = self._writer()
        writer.text(name)
        self.watch.mapping(vars(kind))
        writer.write_at(f"{name}.__class__", type(kind))
        writer.write_at(f"{name}.__bases__", kind.__bases__)
        for member, value in members_of(kind):
            writer.text(member)
            writer.write_at(f"{name}.{member}", value)
            self.watch.value(vars(kind).get(member))
        node.parts = writer.out
        self.reached.append(Reached("class", name, writer.out, kind))

    def _enter_function(self, node: Node, function: types.FunctionType) -> None:
        name = self.names[node]
        writer = self._writer()
        self.watch.function(function)
        library = library_of_function(function)
        if library is None:
            _check_names(function.__code__, name)
            writer.data(b"b", text_of(function.__code__, function.__globals__))
        else:
            # Made at run time by a library: what it was made with is in its closure.
            self.libraries.add(library)
            writer.text(f"{library} {name}")
        said = list(writer.out)
        self._write_made(writer, function, name)
        if library is not None and _is_single_dispatch(function):
            self._write_registry(writer, function, name)
        elif library is not None:
            for variable, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            ):
                writer.text(variable)
                self._write_value(
                    writer, f"{name}.<closure>.{variable}", cell_value(cell, self.watch)
                )
        else:
            for read in reads_of(function.__code__):
                place = _place(function, read)
                try:
                    value = resolve(function, read, self.watch)
                except NoKey as error:
                    raise error.within(place) from error.__cause__
                writer.text(f"{read.kind} {read}")
                self._write_value(writer, place, value)
        node.parts = writer.out
        self.reached.append(Reached("function", name, said, function))

    def _write_made(self, writer: Writer, function: types.FunctionType, name: str) -> None:
        attributes = {
            key: value for key, value in vars(function).items() if not key.startswith(PRIVATE)
        }
        if _is_single_dispatch(function):
            attributes = {"__wrapped__": attributes["__wrapped__"]}
        keywords = function.__kwdefaults__ or {}
        parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
        defaults = function.__defaults__ or ()
        named = dict(zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True))
        for what, found in (("default", {**named, **keywords}), ("attribute", attributes)):
            writer.tag(b"@", len(found))
            for key in sorted(found):
                writer.text(key)
                self._write_value(writer, f"{name}.<{what}>.{key}", found[key])
        plan = plan_of(function)
        if plan is not None:
            # Annotations do not count, but what a parameter is given does.
            self.watch.given(function)
            for given in plan.given:
                if {**named, **keywords}.get(given.name) is not given.dependency:
                    writer.text(given.name)
                    self._write_value(writer, f"{name}.<given>.{given.name}", given.dependency)

    def _write_registry(self, writer: Writer, function: types.FunctionType, name: str) -> None:
        # The cache of a singledispatch function is in its closure too, and says nothing.
        registry = vars(function)["registry"]
        self.watch.mapping(registry)
        try:
            writer.mapping(b"{", registry.items(), in_order=False)
        except NoKey as error:
            raise error.within(f"{name}.registry") from error.__cause__

    def _write_value(self, writer: Writer, name: str, value: Any) -> None:
        """Write a value that is reached under this name, and be told if it changes."""
        begin = len(writer.out)
        if value is UNBOUND:
            writer.out.append(b"0")
            return
        if isinstance(value, OfLibrary):
            self.libraries.update(value.library.split(", "))
            writer.out.append(b"l")
            writer.text(value.library)
            writer.text(value.name)
            return
        if type(value) is object:
            writer.out.append(b"?")  # a sentinel: its name is all there is to it
        else:
            writer.write_at(name, value)
            self.watch.value(value)
        if not isinstance(value, CALLABLES) and not isinstance(value, type):
            self.reached.append(Reached("constant", name, writer.out[begin:], value))


def _place(function: types.FunctionType, read: Read) -> str:
    module = function.__module__
    if read.kind == "cell":
        return f"{module}.{function.__qualname__}.<closure>.{read}"
    return str(read) if read.kind == "import" else f"{module}.{read}"


def _is_single_dispatch(function: types.FunctionType) -> bool:
    return function.__globals__.get("__name__") == "functools" and "registry" in vars(function)


def _check_names(code: types.CodeType, name: str) -> None:
    """`NoKey` if the code, or code inside it, names what leads to all names of a module."""
    texts = [constant for constant in code.co_consts if isinstance(constant, str)]
    for found in _NAMESPACES:
        if found in code.co_names or any(found in text for text in texts):
            what = f"{found} leads to names that are made up"
            raise NoKey(name, what, LOOKUP_REMEDY)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _check_names(constant, name)
