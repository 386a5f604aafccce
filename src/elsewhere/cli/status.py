"""The command ``elsewhere status``: what a store keeps."""

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elsewhere.stores.summary import Summary

_HEADER = (
    "results",
    "size",
    "seconds",
    "hits",
    "saved s",
    "oldest",
    "newest",
    "last use",
    "function",
)


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "status",
        help="show what a store keeps",
        description="Show what a store keeps, function by function.",
    )
    parser.add_argument("--store", required=True, metavar="STORE", help="the file of the store")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look into the store and print what is there."""
    # Imported here so that `elsewhere --help` need not wait for it.
    from elsewhere.stores.opening import store_path
    from elsewhere.stores.summary import summarise

    summary = summarise(store_path(arguments.store))
    print(json.dumps(_as_value(summary)) if arguments.json else _as_text(summary))
    return 0


def _as_value(summary: "Summary") -> dict[str, object]:
    return {
        "store": str(summary.path),
        "format": summary.format,
        "results": sum(kept.results for kept in summary.functions),
        "database_bytes": summary.database_bytes,
        "blobs": summary.blobs,
        "blob_bytes": summary.blob_bytes,
        "functions": [
            {
                "function": kept.function,
                "results": kept.results,
                "bytes": kept.bytes,
                "seconds": kept.seconds,
                "hits": kept.hits,
                "seconds_saved": kept.saved,
                "oldest": _moment(kept.oldest),
                "newest": _moment(kept.newest),
                "last_use": _moment(kept.used),
            }
            for kept in summary.functions
        ],
    }


def _as_text(summary: "Summary") -> str:
    from elsewhere.demo.report import table
    from elsewhere.pages import byte_text

    rows = [
        (
            f"{kept.results:,}",
            byte_text(kept.bytes),
            f"{kept.seconds:,.1f}",
            f"{kept.hits:,}",
            f"{kept.saved:,.1f}",
            *(_minute(moment) for moment in (kept.oldest, kept.newest, kept.used)),
            kept.function,
        )
        for kept in summary.functions
    ]
    count = sum(kept.results for kept in summary.functions)
    blobs = f"{summary.blobs:,} blobs {byte_text(summary.blob_bytes)}"
    lines = [
        f"{summary.path}: {count:,} results, format {summary.format}",
        f"database {byte_text(summary.database_bytes)}, {blobs}",
    ]
    return "\n".join([*lines, *(table(_HEADER, rows, right=8) if rows else [])])


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
