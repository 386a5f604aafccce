"""Everything that elsewhere raises.

    ElsewhereError
    ├── NotPicklable (TypeError)           caller: an argument, function or result cannot travel
    ├── NoKey (TypeError)                  caller: something has no exact name, so a call has no key
    ├── CallTimeout (TimeoutError)         call: it ran longer than its time limit
    ├── CallQuarantined                    call: it took its worker down too often
    ├── CircularCall (RuntimeError)        caller: a call waits for itself
    ├── PlacementError                     caller: the pool's placement function names no candidate
    ├── NotInstalled (RuntimeError)        caller or machine: packages could not be installed
    ├── EnvironmentDiffers (ImportError)   caller: a worker lacks a distribution, or has another version
    ├── FileChanged (OSError)              caller: a data file was edited or removed after it was named
    ├── InitializerFailed (RuntimeError)   caller: the pool's initializer raises
    ├── WorkerLost (RuntimeError)          machine: workers cannot be started here
    ├── RemoteError                        stands for an exception that could not travel
    ├── StoreError                         caller or machine: a store cannot be opened, read or written
    └── GatewayBug (AssertionError)        us: please report it
    RemoteTraceback                        the cause of an exception that was raised elsewhere
    CallInterrupted (BaseException)        raised inside a running call that must end
    EnvironmentWarning (UserWarning)       caller: as `EnvironmentDiffers`, where that is no error
    StoreDamaged (UserWarning)             machine: a remembered result is damaged and counts as not there

An exception raised by a call keeps its own type; its ``__cause__`` is a `RemoteTraceback` and a note
names the worker, the host and the attempt.
"""


def type_name(kind: type) -> str:
    """The name of a type as messages give it: qualified, and with its module unless it is builtin."""
    builtin = kind.__module__ == "builtins"
    return kind.__qualname__ if builtin else f"{kind.__module__}.{kind.__qualname__}"


class ElsewhereError(Exception):
    """The base of every error that elsewhere itself raises. Fields are pickled with it."""


class _Remediable(ElsewhereError):
    """What is wrong (``what``), where (``path``), and what to do about it (``remedy``)."""

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(path, what, remedy)
        self.path = path
        self.what = what
        self.remedy = remedy


class NotPicklable(_Remediable, TypeError):
    """Something of a call cannot travel to another process.

    ``path`` names the offending part, such as ``args[0].config['db']``; ``what`` describes it.
    """

    def __str__(self) -> str:
        return f"cannot send {self.path}: {self.what}. {self.remedy}"


class DataLost(ElsewhereError):
    """A value was lost after its call had come out, and could not be made again.

    ``function`` made it. ``chain`` names the functions of the calls from whose values it was made, each
    made from the next, up to the one that could not be made again; ``why`` says why that was.
    """

    def __init__(self, function: str, chain: tuple[str, ...] = (), why: str = "") -> None:
        lost = f"the value of {function} was lost"
        if not why:
            super().__init__(f"{lost}: the file that held it is gone. Call it again")
        elif not chain:
            super().__init__(f"{lost}, and cannot be made again: {why}")
        else:
            *between, last = chain
            made_from = f"{last or 'a value that was put'}, from which it was made"
            if between:
                made_from += " by way of " + " and ".join(reversed(between))
            super().__init__(f"{lost}, and cannot be made again because of {made_from}: {why}")
        self.function = function
        self.chain = chain
        self.why = why

    def __reduce__(self) -> tuple[type["DataLost"], tuple[str, tuple[str, ...], str]]:
        return DataLost, (self.function, self.chain, self.why)


class NoKey(_Remediable, TypeError):
    """A pure call has no key, because something that it depends on has no exact name.

    ``path`` names the offending part, such as ``args[0].config['db']`` or ``prices.LOCK``; ``what``
    describes it; ``remedy`` says what to do.
    """

    def __str__(self) -> str:
        return f"no key for {self.path or 'the value'}: {self.what}. {self.remedy}"

    def within(self, whole: str) -> "NoKey":
        """The same error, its path continued to the left."""
        return NoKey(whole + self.path, self.what, self.remedy)


class CallTimeout(ElsewhereError, TimeoutError):
    """A call ran longer than ``timeout`` seconds on its last permitted attempt.

    0 where that was an input of the call, and its limit is not known.
    """

    def __init__(self, function: str, timeout: float, attempt: int) -> None:
        limit = f" of {timeout:g} s" if timeout else ""
        super().__init__(
            f"{function} ran longer than its time limit{limit} (attempt {attempt}) and was stopped"
        )
        self.function = function
        self.timeout = timeout
        self.attempt = attempt

    def __reduce__(self) -> tuple[type["CallTimeout"], tuple[str, float, int]]:
        # An OSError, which TimeoutError is, has its own ideas of its arguments.
        return CallTimeout, (self.function, self.timeout, self.attempt)


class CallQuarantined(ElsewhereError):
    """A call took its worker down ``deaths`` times and is not tried again; or the ``process`` "fork" of a
    worker.

    ``how`` says how the last one died; ``memory_bytes`` is its peak resident memory (None where that is
    not known).
    """

    def __init__(
        self,
        function: str,
        deaths: int,
        how: str,
        memory_bytes: int | None,
        process: str = "worker",
    ) -> None:
        super().__init__(function, deaths, how, memory_bytes, process)
        self.function = function
        self.deaths = deaths
        self.how = how
        self.memory_bytes = memory_bytes
        self.process = process

    def __str__(self) -> str:
        memory = ""
        if self.memory_bytes is not None:
            memory = f", having used {self.memory_bytes / 2**20:,.0f} MiB of memory at its peak"
        times = "once" if self.deaths == 1 else f"{self.deaths} times"
        return (
            f"{self.function} took its {self.process} down {times}; the last one {self.how}{memory}. "
            "It is not tried again; every other call goes on"
        )


class CircularCall(ElsewhereError, RuntimeError):
    """A pure call waits for itself. ``chain`` holds the calls in words; the last is the first again."""

    def __init__(self, chain: list[str]) -> None:
        super().__init__(chain)
        self.chain = chain

    def __str__(self) -> str:
        return "a call waits for itself: " + " → ".join(self.chain)


class PlacementError(ElsewhereError):
    """The function that a pool was given as ``placement`` named no worker for a call.

    ``function`` is what was to be called; ``did`` says what the placement function did instead.
    """

    def __init__(self, function: str, did: str) -> None:
        super().__init__(function, did)
        self.function = function
        self.did = did

    def __str__(self) -> str:
        return (
            f"{self.function} was not called, because the pool's placement function {self.did}. "
            "It must return one of the candidates that it is given"
        )


class EnvironmentDiffers(ElsewhereError, ImportError):
    """A worker's environment is not that of the process which has sent a function there.

    ``differing`` has (distribution, version there, version in the worker) for each that is missing or
    different; "" is not installed.
    """

    def __init__(self, differing: tuple[tuple[str, str, str], ...]) -> None:
        told = "; ".join(
            f"{name} {there} is needed, {'there is ' + here if here else 'there is none'}"
            for name, there, here in differing
        )
        super().__init__(
            f"the worker's environment differs: {told}. Install the same there, "
            'or make the pool with environment="warn"'
        )
        self.differing = differing

    def __reduce__(self) -> tuple[type["EnvironmentDiffers"], tuple[object, ...]]:
        return EnvironmentDiffers, (self.differing,)


class EnvironmentWarning(UserWarning):
    """As `EnvironmentDiffers`, in a pool that is made with ``environment="warn"``."""


class FileChanged(ElsewhereError, OSError):
    """A file that `elsewhere.file` has named cannot be had with the content that it had then."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} is not to be had as it was named: {why}. Name it again")
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[type["FileChanged"], tuple[str, str]]:
        # An OSError has its own ideas of its arguments.
        return FileChanged, (self.path, self.why)


class InitializerFailed(ElsewhereError, RuntimeError):
    """The pool's ``initializer`` raised, so no worker could take the call. Its error is the cause."""


class WorkerLost(ElsewhereError, RuntimeError):
    """Workers died before they could take any call; the message says how the last one died."""


class RemoteError(ElsewhereError):
    """A faithful description of an exception that could not be pickled, or not be unpickled here.

    ``type_name`` is the qualified name of its type, ``message`` its text, ``reason`` why it could not
    travel itself.
    """

    def __init__(self, type_name: str, message: str, reason: str) -> None:
        super().__init__(type_name, message, reason)
        self.type_name = type_name
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        said = f"{self.type_name}: {self.message}" if self.message else self.type_name
        return f"{said} (described, not sent: {self.reason})"


class NotInstalled(ElsewhereError, RuntimeError):
    """An environment with these ``packages`` could not be made.

    ``what`` says what was tried and failed, ``output`` is what the installing tool has said.
    """

    def __init__(self, packages: tuple[str, ...], what: str, output: str) -> None:
        super().__init__(packages, what, output)
        self.packages = packages
        self.what = what
        self.output = output

    def __str__(self) -> str:
        said = f"\n{self.output}" if self.output else ""
        return f"no environment could be made with {', '.join(self.packages)}: {self.what}{said}"


class StoreError(_Remediable):
    """A store cannot be opened, read or written.

    ``path`` names the file, ``what`` says what is wrong, ``remedy`` what to do.
    """

    def __str__(self) -> str:
        return f"{self.path}: {self.what}. {self.remedy}"


class StoreDamaged(UserWarning):
    """A remembered result is damaged: it counts as not there, and its call is computed again.

    ``path`` names the file that is damaged, ``key`` the result, in hexadecimal, ``what`` the damage.
    """

    def __init__(self, path: str, key: str, what: str) -> None:
        super().__init__(path, key, what)
        self.path = path
        self.key = key
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.path}: the result remembered as {self.key} is damaged: {self.what}. "
            "It counts as not there, and is replaced when its call is computed again"
        )


class RemoteTraceback(Exception):
    """The traceback of the worker's side, as text, attached as the ``__cause__`` of an error.

    ``chain`` says by which call the error was raised, and by which calls that one was called.
    """

    def __init__(self, text: str, chain: tuple[str, ...] = ()) -> None:
        super().__init__(text, chain)
        self.text = text
        self.chain = chain

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class CallInterrupted(BaseException):
    """Raised inside a running call that has timed out or was cancelled with ``interrupt=True``.

    Like KeyboardInterrupt it is no Exception, so that a call's own ``except Exception`` lets it pass.
    """


class GatewayBug(ElsewhereError, AssertionError):
    """The gateway was asked for a move that its tables do not have, or an invariant is broken."""
