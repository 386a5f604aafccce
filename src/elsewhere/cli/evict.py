"""The command ``elsewhere gc``: makes room in a store."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from elsewhere.cli.quantities import age, byte_size

if TYPE_CHECKING:
    from elsewhere.stores.eviction import Eviction

_DESCRIPTION = """\
Evict remembered results from a store, the least recently used first. Pools may use the store
meanwhile. Blobs that no result names and what interrupted writers have left are always removed;
without an option nothing else is."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "gc", help="evict remembered results from a store", description=_DESCRIPTION
    )
    parser.add_argument("store", metavar="STORE", help="the file of the store")
    parser.add_argument(
        "--older-than",
        type=age,
        metavar="AGE",
        help="evict what was not used for so long, such as 12h or 30d",
    )
    parser.add_argument(
        "--max-size",
        type=byte_size,
        metavar="SIZE",
        help="evict until the results take no more than that, such as 2GB",
    )
    parser.add_argument(
        "--function",
        metavar="NAME",
        help="look only at the results of this function, by its qualified name; with no other "
        "option all of them go",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and keep it")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evict, and say what."""
    # Imported here so that `elsewhere --help` need not wait for it.
    from elsewhere.stores.eviction import evict
    from elsewhere.stores.opening import store_path

    eviction = evict(
        store_path(arguments.store),
        older_than=arguments.older_than,
        max_bytes=arguments.max_size,
        function=arguments.function,
        dry_run=arguments.dry_run,
    )
    if arguments.json:
        print(json.dumps({**asdict(eviction), "dry_run": arguments.dry_run}))
    else:
        print(_text(eviction, "would evict" if arguments.dry_run else "evicted"))
    return 0


def _text(eviction: "Eviction", did: str) -> str:
    from elsewhere.pages import byte_text

    return "\n".join([
        f"{did} {eviction.results:,} results, {byte_text(eviction.result_bytes)}",
        f"{did} {eviction.blobs:,} blobs that no result names, {byte_text(eviction.blob_bytes)}",
        f"{did} {eviction.leftovers:,} files that interrupted writers have left",
        f"kept {eviction.kept_results:,} results, {byte_text(eviction.kept_bytes)}",
    ])  # fmt: skip
