"""Functions and classes that stand in a module that can be imported, and some that do not."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest


def in_module(x: int) -> int:
    return x + 1


@dataclass
class Point:
    x: int
    y: int

    def norm(self) -> int:
        return abs(self.x) + abs(self.y)

    @staticmethod
    def origin() -> "Point":
        return Point(0, 0)


def main_module(monkeypatch: pytest.MonkeyPatch, source: str) -> Any:
    """What a script with this source would have as its `__main__`."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(source, module.__dict__)
    return module
