"""Annotations of parameters: each is looked at alone, where its function stands."""

from types import CellType, FunctionType
from typing import Any, NamedTuple

from elsewhere.plans.dependency import Dependency


class Found(NamedTuple):
    """What the annotation of one parameter says."""

    dependency: Dependency | None = None
    unresolved: str = ""
    """why it cannot be evaluated, if that is so"""
    names: tuple[tuple[str, Any], ...] = ()
    """the globals that its text reads, and what they are"""


class Unresolved(NamedTuple):
    """In the place of an annotation: it could not be evaluated where it came from."""

    reason: str


def look_at(annotation: object, function: FunctionType) -> Found:
    """What `annotation`, a value or its text, says where `function` was defined.

    Raises TypeError for two dependencies in one annotation.
    """
    if isinstance(annotation, Unresolved):
        return Found(unresolved=annotation.reason)
    if not isinstance(annotation, str):
        return _look_at_value(annotation)
    space = _innermost(function).__globals__
    try:
        code = compile(annotation, "<annotation>", "eval")
        value = eval(code, space, _variables(function))
        found = _look_at_value(value)
    except TypeError as error:
        if isinstance(error, TwoDependencies):
            raise
        return _unresolved(annotation, error)
    except Exception as error:  # noqa: BLE001  # what it names may do anything
        return _unresolved(annotation, error)
    if found.dependency is None:
        return found
    names = tuple((name, space[name]) for name in code.co_names if name in space)
    return found._replace(names=names)


class TwoDependencies(TypeError):
    """An annotation has two dependencies."""


def _look_at_value(value: Any) -> Found:
    while hasattr(value, "__value__"):  # type Alias = ...
        value = value.__value__
    said = value if isinstance(value, Dependency) else None
    found = [part for part in getattr(value, "__metadata__", ()) if isinstance(part, Dependency)]
    if len(found) > 1:
        raise TwoDependencies(f"one parameter cannot be given two values: {value!r}")
    return Found(found[0]) if found else Found(said)


def _unresolved(annotation: str, error: Exception) -> Found:
    return Found(
        unresolved=f"its annotation {annotation!r} cannot be evaluated: {type(error).__name__}: {error}"
    )


def _innermost(function: FunctionType) -> FunctionType:
    if not hasattr(function, "__wrapped__"):
        return function
    from inspect import unwrap  # takes milliseconds to import, and every worker imports this module

    innermost: FunctionType = unwrap(function)
    return innermost


def _variables(function: FunctionType) -> dict[str, Any]:
    """What the function has of the functions around it."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if _is_set(cell)}


def _is_set(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # it raises if there is none
    except ValueError:
        return False
    return True
