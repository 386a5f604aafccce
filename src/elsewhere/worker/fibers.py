"""The one door to greenlet: stacks that can be parked while another one runs in the same thread."""

from greenlet import getcurrent, greenlet

__all__ = ["getcurrent", "greenlet"]


def is_within(outer: greenlet) -> bool:
    """Whether what runs now was started by `outer`, or by what it has started."""
    parent = getcurrent().parent
    while parent is not None and parent is not outer:
        parent = parent.parent
    return parent is outer
