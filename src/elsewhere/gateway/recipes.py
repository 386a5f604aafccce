"""How values were made that lie where they were made: enough to make them again.

The recipe of a value is the call that made it, with the small values that this was given; of the large
ones it has the numbers. There is so much memory for recipes. Beyond it the oldest are forgotten.
"""

from collections import deque

from elsewhere.calls.messages import Call, Settlement
from elsewhere.calls.wire import replace
from elsewhere.gateway.records import CallRecord, FunctionRecord

RECIPE_BYTES_MAX = 2**26
"""How much memory all recipes may take."""
RECIPE_BYTES = 1024
"""What one takes besides the arguments, and what each of its inputs takes besides its value."""


class Recipe:
    """One call that has a large value, and what it was given."""

    __slots__ = ("call", "fence", "function", "nbytes", "values")

    def __init__(self, record: CallRecord) -> None:
        call = record.call
        # The gateway makes it again for itself: there is nothing to claim, nor to remember once more.
        self.call: Call = replace(call, key=b"", parts=b"") if call.key else call
        self.function: FunctionRecord = record.function
        self.fence = record.fence
        """the latest attempt"""
        self.values: dict[int, Settlement] = {}
        """its inputs, as in its record"""
        if record.call.inputs:
            self.values = {n: one for n, one in record.values.items() if one is not None}
        payloads = [record.call.payload, *(one.payload for one in self.values.values())]
        self.nbytes = sum(RECIPE_BYTES + len(payload) for payload in payloads)

    def placed(self) -> list[int]:
        """The inputs that lie in segments, by the numbers of the calls that made them."""
        return [one.call for one in self.values.values() if one.place is not None]


class Recipes:
    """Those of all values, the oldest first."""

    def __init__(self) -> None:
        self.kept: dict[int, Recipe] = {}
        """by the number of the call"""
        self.nbytes = 0
        self.bytes_max = RECIPE_BYTES_MAX
        self.unused: deque[Recipe] = deque()
        """what was forgotten: what they need is to be let go"""

    def add(self, recipe: Recipe) -> None:
        """A value was made so."""
        self.kept[recipe.call.id] = recipe
        self.nbytes += recipe.nbytes
        while self.nbytes > self.bytes_max:
            self.forget(next(iter(self.kept)))

    def forget(self, number: int) -> None:
        """A value will not be made again."""
        recipe = self.kept.pop(number, None)
        if recipe is not None:
            self.nbytes -= recipe.nbytes
            self.unused.append(recipe)
