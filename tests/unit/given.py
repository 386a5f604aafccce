"""Providers and functions that are given what they make, annotated by text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from elsewhere import Depends

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]  # only type checkers look for it

events: list[str] = []


def plain(value: int = 1) -> int:
    events.append(f"make {value}")
    return value


Alias = Annotated[int, Depends(plain, 5)]


def by_alias(x: int, m: Alias) -> tuple[int, int]:
    return x, m


def by_text(x: int, m: Annotated[Model, Depends(plain, 6)]) -> tuple[int, Any]:
    return x, m


class Model:
    """Defined behind the function that names it."""


def unknown(x: int, m: Annotated[int, Depends(unknown_provider)]) -> int:  # noqa: F821  # nobody has defined it
    return m + x


def never_loaded(x: Missing, flag: bool = True) -> Any:
    return x
