"""The node's process as its client sees it: started, spoken to over a socket, ended."""

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from elsewhere.segments.directory import make_directory, remove_directory

NODE_PROGRAM = (
    "import gc, sys; gc.disable(); own = [entry for entry in sys.path if entry]; sys.path[:] = {path}; "
    "from elsewhere.node.server import main; main({descriptor}, {client}, {directory!r})"
)

PACKAGES = ("site-packages", "dist-packages")

# Flags of the interpreter and the options that set them, given as often as the flag says.
COUNTED = (
    ("optimize", "O"),
    ("debug", "d"),
    ("verbose", "v"),
    ("bytes_warning", "b"),
    ("dont_write_bytecode", "B"),
    ("no_site", "S"),
)
# What -I includes.
ISOLATING = (("ignore_environment", "E"), ("no_user_site", "s"), ("safe_path", "P"))


class NodeProcess:
    """Starts a node. It has a process group of its own, out of Ctrl-C's reach.

    It ends, and all its workers with it, as soon as `control` is closed or this process has ended,
    however that happens. Large values lie in its `directory`: a new one, or that of the node before;
    a node that ends, and is not killed, removes it. It finds modules in `path`, or as this process.
    Where it is started with another interpreter, `python`, what is installed there comes first.
    """

    def __init__(
        self,
        directory: str | None = None,
        path: Sequence[str] | None = None,
        python: str | None = None,
    ) -> None:
        self._path = path
        self._python = python
        if not sys.executable:
            raise RuntimeError(
                "sys.executable is not set: there is no Python to start workers with"
            )
        self.directory = make_directory() if directory is None else directory
        try:
            self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except BaseException:
            self._give_up(directory)
            raise
        descriptor = theirs.fileno()
        program = NODE_PROGRAM.format(
            path=_path_of(sys.path if path is None else path, overlaid=python is not None),
            descriptor=descriptor,
            client=os.getpid(),
            directory=self.directory,
        )
        try:
            executable = python or sys.executable
            self._process = os.posix_spawn(
                executable,
                [executable, *interpreter_options(), "-c", program],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, descriptor, descriptor),
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                ],
                setpgroup=0,
                # A thread that blocks signals must not make its workers deaf to them.
                setsigmask=(),
            )
        except BaseException:
            self.control.close()
            self._give_up(directory)
            raise
        finally:
            theirs.close()
        self.control.setblocking(False)

    def again(self) -> "NodeProcess":
        """A node like this one, which is lost, with its directory."""
        return NodeProcess(self.directory, self._path, python=self._python)

    def _give_up(self, given: str | None) -> None:
        if given is None:
            remove_directory(self.directory)

    def end(self) -> None:
        """End the node and its workers, and wait for it. Idempotent."""
        # Not only closed: a forked child of the client may hold a copy of it.
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()
        process, self._process = self._process, 0
        if process:
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def _path_of(path: Sequence[object], *, overlaid: bool) -> str:
    """Where a node finds modules, as an expression; `own` is where its interpreter would.

    What is installed there goes before all that is installed here, and behind the folder of the program.
    """
    entries = [entry for entry in path if isinstance(entry, str)]  # as the import system does
    if not overlaid:
        return repr(entries)
    first = [e for e in entries[:1] if os.path.basename(e) not in PACKAGES]
    return f"{first!r} + own + [entry for entry in {entries!r} if entry not in {first!r} + own]"


def interpreter_options() -> list[str]:
    """The options with which this interpreter was started, as far as they concern its children.

    As those that `multiprocessing` hands down, and all of ``-X``.
    """
    flags = sys.flags
    options = [
        f"-{letter * getattr(flags, name)}" for name, letter in COUNTED if getattr(flags, name)
    ]
    if flags.isolated:
        options.append("-I")
    else:
        options += [f"-{letter}" for name, letter in ISOLATING if getattr(flags, name)]
    options += [
        f"-X{name}" if value is True else f"-X{name}={value}"
        for name, value in sys._xoptions.items()
    ]
    options += [f"-W{option}" for option in sys.warnoptions]
    return options
