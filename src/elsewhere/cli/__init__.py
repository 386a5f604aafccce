"""The command line: what is common to all commands.

Exit codes: 0 done, 1 it failed, 2 wrong usage, 130 interrupted by Ctrl-C.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

import elsewhere
from elsewhere.cli import demo, evict, status, why

__all__ = ["main"]

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (default: this process's arguments) and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A function may have a name that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.command is None:
            parser.print_help()
            code = 0
        else:
            code = arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        print("elsewhere: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has left. Without this the interpreter, flushing once more as it
        # ends, would complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except elsewhere.ElsewhereError as error:
        print(f"elsewhere: {error}", file=sys.stderr)
        return EXIT_FAILED
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="elsewhere",
        description="Run ordinary Python functions elsewhere: on every core of this machine.",
    )
    parser.add_argument("--version", action="version", version=f"elsewhere {elsewhere.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in (demo, status, why, evict):
        command.add_command(commands)
    return parser
