"""Failures that must not be raised where they are met, because that would hurt somebody else.

Only who has something to report pays for the imports of that.
"""

from contextlib import suppress


def report(what: str, error: BaseException, log: str = "elsewhere") -> None:
    """Tell a log of `error`, with its traceback."""
    _log(what, error, log)


def report_briefly(what: str, error: BaseException) -> None:
    """Tell a log of `error` in a line, where it is known from where it comes."""
    from traceback import format_exception_only

    _log(f"{what}: {''.join(format_exception_only(error)).strip()}", None, "elsewhere")


def mention(text: str) -> None:
    """Tell a log what does not hurt, for who wants to know."""
    from logging import getLogger

    with suppress(OSError, ValueError):
        getLogger("elsewhere").debug("%s", text)


def _log(text: str, error: BaseException | None, log: str) -> None:
    from logging import getLogger

    # A log may end on the very stream that is closed, and then nobody is left to be told.
    with suppress(OSError, ValueError):
        getLogger(log).error("%s", text, exc_info=error)
