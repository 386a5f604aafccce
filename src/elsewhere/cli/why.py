"""The command ``elsewhere why``: what the key of a call is made of, and what differs from the last."""

import argparse
import ast
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from elsewhere.errors import ElsewhereError


class CallNotUnderstood(ElsewhereError):
    """The text is no call of a function that can be imported, with literal arguments."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "why",
        help="show why a pure call would run, or not",
        description="Show what the key of a call is made of. With a store: what differs from the "
        "last call of the same function that it remembers.",
    )
    parser.add_argument("call", metavar="CALL", help="such as 'prices.price(\"ACME\", days=3)'")
    parser.add_argument("--store", metavar="STORE", help="the file of a store to compare with")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Import the function, name its call and compare."""
    # Imported here so that `elsewhere --help` need not wait for it.
    from elsewhere.keys.parts import parts_of
    from elsewhere.reasons import explain_call
    from elsewhere.stores.opening import open_store, store_path
    from elsewhere.tasks import plain_function

    sys.path.insert(0, os.getcwd())
    function, args, kwargs = read_call(arguments.call)
    try:
        parts = parts_of(plain_function(function), args, kwargs)
    except TypeError as error:
        raise CallNotUnderstood(f"{arguments.call}: {error}") from error
    if arguments.json:
        print(json.dumps(json.loads(parts.to_bytes())))
        return 0
    if arguments.store is None:
        print(explain_call(function, args, kwargs, None))
        return 0
    path = store_path(arguments.store)
    if not path.exists():
        raise CallNotUnderstood(f"there is no store {path}")
    store = open_store(path)
    try:
        print(explain_call(function, args, kwargs, store))
    finally:
        store.close()
    return 0


def read_call(text: str) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The function and the arguments of a call such as ``module.function(1, name="x")``."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not isinstance(tree, ast.Call):
            raise CallNotUnderstood(f"{text!r} is no call: write module.function(arguments)")
        args = tuple(ast.literal_eval(arg) for arg in tree.args)
        kwargs = {part.arg: ast.literal_eval(part.value) for part in tree.keywords if part.arg}
        if len(kwargs) != len(tree.keywords):
            raise CallNotUnderstood("write the arguments one by one, without ** or *")
    except (SyntaxError, ValueError) as error:
        raise CallNotUnderstood(
            f"{text!r} is not understood ({error}): arguments must be literals, such as 3 or 'x'"
        ) from error
    return find_function(ast.unparse(tree.func)), args, kwargs


def find_function(path: str) -> Callable[..., Any]:
    """The function that ``module.name`` or ``module.Class.name`` names."""
    names = path.split(".")
    for count in range(len(names) - 1, 0, -1):
        module = ".".join(names[:count])
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module == error.name or module.startswith(error.name)):
                continue
            raise
        for name in names[count:]:
            found = getattr(found, name, None)
        if callable(found):
            function: Callable[..., Any] = found
            return function
        break
    raise CallNotUnderstood(f"there is no function {path!r} that can be imported from here")
