"""Notices that modules are loaded again in this process.

`importlib.reload`, and what notebooks do by it, asks every finder of ``sys.meta_path`` and says which
module is to be filled anew. So to be asked is all that is needed, and nothing has to be looked at
for each call.
"""

import sys
from contextlib import suppress
from types import ModuleType


class Reloads:
    """A finder that finds nothing. `names` are those of modules that were loaded again, in order;
    `contents` what their files said the last time, which is what they were loaded from."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.contents: dict[str, bytes] = {}

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> None:
        """As `importlib.abc.MetaPathFinder.find_spec`."""
        self.contents.pop(name, None)
        if target is not None:
            # One that is not read from a file has a loader that can be asked for its text.
            with suppress(OSError), open(getattr(target, "__file__", None) or "", "rb") as file:
                self.contents[name] = file.read()
            self.names.append(name)

    def count(self) -> int:
        """How many loads were noticed."""
        # A finder that stands before it may answer first.
        if sys.meta_path[0] is not self:
            self.stand_first()
        return len(self.names)

    def stand_first(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        sys.meta_path.insert(0, self)


RELOADS = Reloads()
"""Finders are the process's, and so is this one. It stands there once a pool was made."""
