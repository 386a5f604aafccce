"""Which editions of the user's modules the calls of one pool need: those that this process has.

Where workers see the same files as this process (`alike`), they import what they need as it does, and
nothing is looked for, until a module is loaded again here: from then on the modules that depend on
it travel. Where they do not, all modules of the user's travel.
"""

import sys
from collections.abc import Callable, Mapping
from opcode import opmap
from threading import RLock
from types import CodeType
from typing import TYPE_CHECKING

from elsewhere.plans.host import PROCESS
from elsewhere.shipping.reloads import RELOADS

if TYPE_CHECKING:
    from elsewhere.codec.functions import Late
    from elsewhere.shipping.packing import Packing


class PoolEditions:
    """`elsewhere.codec.functions.Editions` of a client. Any thread may call."""

    def __init__(self, *, alike: bool, environment: str) -> None:
        # As `Editions.now`. It is asked for each call, so nothing stands between.
        self.now: Callable[[], object] = RELOADS.count if alike else _count_modules
        self._alike = alike
        if not alike:
            PROCESS.names_files = True
        self._strict = environment == "strict"
        self._since = RELOADS.count()
        self._late: dict[str, object] = {}
        """by name, of modules that are not loaded here: the first state of their files"""
        self._edited: set[str] = set()
        """those that are in another state now"""
        self._packing: Packing | None = None
        self._lock = RLock()

    def late(self, function: object) -> "Late | None":
        """As `Editions.late`."""
        function = getattr(function, "function", function)  # of a task
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if not isinstance(code, CodeType) or not _imports(code):
            return None
        # Only who imports something in a function pays for this.
        from elsewhere.shipping.late import late_of

        package = getattr(function, "__globals__", {}).get("__package__")
        late = late_of(code, str(package or ""))
        if late is not None:
            for name, sign in late.signs.items():
                if self._late.setdefault(name, sign) != sign:
                    self._edited.add(name)
        return late

    def pack(self, function: object, code: bytes, late: "Late | None" = None) -> bytes:
        """The code of a function, with what it needs. Raises what pickling the function raises."""
        names: Mapping[str, object] = {} if late is None else late.signs
        if self._alike and RELOADS.count() == self._since and self._edited.isdisjoint(names):
            return code
        with self._lock:
            if self._packing is None:
                # Few pools pay for what this imports.
                from elsewhere.shipping.packing import Packing

                self._packing = Packing(strict=self._strict)
            now = RELOADS.count(), len(sys.modules), names
            if not self._alike:
                return self._packing.pack_all(function, code, now)
            edited = {*RELOADS.names[self._since :], *self._edited}
            return self._packing.pack_edited(code, now, edited, names)


def _imports(code: CodeType) -> bool:
    return opmap["IMPORT_NAME"] in code.co_code[::2] or any(
        isinstance(constant, CodeType) and _imports(constant) for constant in code.co_consts
    )


def _count_modules() -> object:
    return RELOADS.count(), len(sys.modules)
