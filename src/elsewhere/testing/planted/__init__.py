"""Bugs to plant in the machine, to see that the simulation finds them."""

from elsewhere.testing.planted import attempts
from elsewhere.testing.planted.planting import PLANTED, Patch

__all__ = ["PLANTED", "Patch", "attempts"]
