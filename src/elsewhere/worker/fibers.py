"""The one door to greenlet: stacks that can be parked while another one runs in the same thread."""

from greenlet import getcurrent, greenlet

__all__ = ["getcurrent", "greenlet"]
