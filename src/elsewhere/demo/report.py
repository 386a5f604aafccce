"""A survey as plain text for people and as one JSON-ready value for programs."""

import platform
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import elsewhere
from elsewhere.demo.collect import Collection
from elsewhere.demo.survey import COMPLEXITY_LIMIT, Survey
from elsewhere.pages import byte_text

FAILURES_SHOWN_MAX = 3


def as_text(survey: Survey, page: Path | None, *, columns: int | None = None) -> str:
    """The whole report, a few dozen lines. Long names are shortened to ``columns`` if that is given."""
    sections = [
        [
            "The most complex functions (McCabe's cyclomatic complexity)",
            *_top_lines(survey, columns),
        ],
        ["Totals", *_total_lines(survey)],
        ["Time", *_time_lines(survey)],
        ["Where the calls ran", *_share_lines(survey)],
    ]
    if page is not None:
        sections.append([f"The timeline of every worker: {page}"])
    return "\n\n".join("\n".join(lines) for lines in sections)


def collection_text(collection: Collection) -> str:
    """What is about to be measured, and what is left out, before the work begins."""
    what = f"{len(collection.sources):,} files, {byte_text(collection.bytes)}"
    lines = [f"Python {platform.python_version()}: {what}, in"]
    lines += [f"  {root}" for root in collection.roots]
    notice = limit_notice(collection)
    return "\n".join(lines if notice is None else [*lines, notice])


def limit_notice(collection: Collection) -> str | None:
    """One sentence on what the limit left out, or None where it left out nothing."""
    if not collection.left_out_files or collection.limit_bytes is None:
        return None
    return (
        f"The limit of {collection.limit_bytes:,} bytes was reached: "
        f"{collection.left_out_files:,} more files ({byte_text(collection.left_out_bytes)}) "
        "are left out; --limit none takes all."
    )


def as_value(survey: Survey, page: Path | None) -> dict[str, object]:
    """The report as one JSON-ready object. Times are in seconds, sizes in bytes."""
    collection, totals, sample = survey.collection, survey.totals, survey.sample
    return {
        "elsewhere": elsewhere.__version__,
        "python": platform.python_version(),
        "roots": list(collection.roots),
        "page": None if page is None else str(page),
        "workers": survey.workers,
        "elapsed_seconds": survey.elapsed_seconds,
        "one_core": {
            "estimated_seconds": survey.one_core.seconds,
            "standard_error_seconds": survey.one_core.error_seconds,
            "extrapolated_by": "bytes",
            "sample_files": len(sample.sources),
            "sample_bytes": sample.bytes,
            "sample_seconds": sample.seconds,
            "sample_seed": sample.seed,
        },
        "speed_up": survey.speed_up,
        "totals": {
            "files": totals.files,
            "parsed": totals.parsed,
            "failed": len(survey.failures),
            "bytes": totals.bytes,
            "lines": totals.lines,
            "functions": totals.functions,
            "classes": totals.classes,
            "statements": totals.statements,
            "complexity_limit": COMPLEXITY_LIMIT,
            "functions_over_limit": totals.over_limit,
            "duplicates": collection.duplicates,
        },
        "limit": {
            "bytes": collection.limit_bytes,
            "left_out_files": collection.left_out_files,
            "left_out_bytes": collection.left_out_bytes,
        },
        "most_complex": top_rows(survey),
        "failures": failure_rows(survey),
        "where": share_rows(survey),
        "modules": _module_rows(survey),
    }


def top_rows(survey: Survey) -> list[dict[str, object]]:
    return [
        {
            "module": module.module,
            "function": function.name,
            "path": module.path,
            "line": function.line,
            "complexity": function.complexity,
            "lines": function.lines,
        }
        for module, function in survey.top
    ]


def failure_rows(survey: Survey) -> list[dict[str, object]]:
    """How many files could not be parsed for each reason, and which."""
    return [
        {
            "kind": kind.value,
            "count": len(failures),
            "files": [
                {"module": failure.module, "path": failure.path, "message": failure.message}
                for failure in failures
            ],
        }
        for kind, failures in survey.failures_by_kind.items()
    ]


def share_rows(survey: Survey) -> list[dict[str, object]]:
    return [
        {
            "worker": share.worker,
            "calls": share.calls,
            "files": share.files,
            "busy_seconds": share.busy_seconds,
            "share": share.share,
        }
        for share in survey.shares
    ]


def _module_rows(survey: Survey) -> list[dict[str, object]]:
    return [
        {
            "module": module.module,
            "path": module.path,
            "bytes": module.bytes,
            "lines": module.lines,
            "functions": len(module.functions),
            "classes": module.classes,
            "statements": module.statements,
            "complexity_max": max((f.complexity for f in module.functions), default=0),
        }
        for module in sorted(survey.modules, key=lambda module: module.module)
    ]


def _top_lines(survey: Survey, columns: int | None) -> list[str]:
    if not survey.top:
        return ["  no functions were found"]
    places = [f"{module.module}:{function.line}" for module, function in survey.top]
    names = [function.name for _, function in survey.top]
    if columns is not None:
        # What one of the two columns leaves over is the other's.
        room = max(columns - len("  complexity  lines    "), 40)
        places_max = max(room // 2, room - max(map(len, names)))
        places = [shortened(place, places_max) for place in places]
        names = [shortened(name, room - max(map(len, places))) for name in names]
    rows = [
        (f"{function.complexity:,}", f"{function.lines:,}", place, name)
        for (_, function), place, name in zip(survey.top, places, names, strict=True)
    ]
    return table(("complexity", "lines", "module:line", "function"), rows, right=2)


def shortened(text: str, length: int) -> str:
    """``text``, its middle replaced by dots where it is longer than ``length``."""
    if len(text) <= length:
        return text
    kept = max(length - 3, 2)
    return f"{text[: kept // 2]}...{text[-(kept - kept // 2) :]}"


def _total_lines(survey: Survey) -> list[str]:
    totals, collection = survey.totals, survey.collection
    over = f"{totals.over_limit:,} of them more complex than {COMPLEXITY_LIMIT}, McCabe's limit"
    lines = [
        f"  files       {totals.files:>12,}   {byte_text(totals.bytes)} ({totals.bytes:,} bytes)",
        f"  lines       {totals.lines:>12,}",
        f"  functions   {totals.functions:>12,}   {over}",
        f"  classes     {totals.classes:>12,}",
        f"  statements  {totals.statements:>12,}",
        f"  not parsed  {len(survey.failures):>12,}",
    ]
    for kind, failures in survey.failures_by_kind.items():
        names = [failure.module for failure in failures[:FAILURES_SHOWN_MAX]]
        if len(failures) > FAILURES_SHOWN_MAX:
            names.append(f"{len(failures) - FAILURES_SHOWN_MAX:,} more")
        lines.append(f"    {kind}: {len(failures):,} ({', '.join(names)})")
    if collection.duplicates:
        lines.append(
            f"  further names of the same files, not read again: {collection.duplicates:,}"
        )
    notice = limit_notice(collection)
    return lines if notice is None else [*lines, f"  {notice}"]


def _time_lines(survey: Survey) -> list[str]:
    took = f"{worker_text(survey.workers)} took {survey.elapsed_seconds:.2f} s"
    return [
        f"  {took}, starting them included",
        f"  one core would have taken about {survey.one_core.seconds:.1f} s",
        f"  speed-up {survey.speed_up:.2f}",
        *wrap(basis_text(survey), 96, initial_indent="  ", subsequent_indent="  "),
    ]


def basis_text(survey: Survey) -> str:
    """Where the one-core time comes from, in one sentence."""
    sample = survey.sample
    return (
        f"The time of one core is extrapolated by bytes from {len(sample.sources):,} files drawn at "
        f"random (seed {sample.seed}): {byte_text(sample.bytes)} in {sample.seconds:.2f} s, alone in "
        f"the parent process. Its standard error is {survey.one_core.error_seconds:.1f} s."
    )


def _share_lines(survey: Survey) -> list[str]:
    rows = [
        (str(share.worker), f"{share.calls:,}", f"{share.files:,}",
         f"{share.busy_seconds:.2f}", f"{share.share:.1%}")
        for share in survey.shares
    ]  # fmt: skip
    lines = table(("worker", "calls", "files", "busy seconds", "share"), rows, right=5)
    notice = timeline_notice(survey)
    return lines if notice is None else [*lines, f"  {notice}"]


def timeline_notice(survey: Survey) -> str | None:
    """One sentence where the pool's bounded record no longer holds every call, else None."""
    recorded = sum(span.items for span in survey.spans)
    expected = len(survey.collection.sources)
    if recorded == expected:
        return None
    return f"The pool's record covers {recorded:,} of {expected:,} files: it is of bounded length."


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: int) -> list[str]:
    """Aligned lines; the first ``right`` columns are set to the right, the others to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  " + "  ".join(
            cell.rjust(width) if index < right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (header, *rows)
    ]  # fmt: skip


def worker_text(count: int) -> str:
    return "1 worker" if count == 1 else f"{count:,} workers"
