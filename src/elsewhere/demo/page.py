"""The page that the demo writes: one HTML file that needs nothing else."""

import platform
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import elsewhere
from elsewhere.demo.collect import printable
from elsewhere.demo.report import (
    basis_text,
    limit_notice,
    timeline_notice,
    worker_text,
)
from elsewhere.demo.survey import COMPLEXITY_LIMIT, Survey
from elsewhere.pages import byte_text, fill_in, script_json

# A page is for reading; `--json` names every file.
FAILURES_SHOWN_MAX = 100


def render(survey: Survey) -> str:
    """The whole page as text, to be written as UTF-8."""
    template = files("elsewhere.demo").joinpath("page.html").read_text(encoding="utf-8")
    notices = [text for text in (limit_notice(survey.collection), timeline_notice(survey)) if text]
    values = {
        "workers": escape(worker_text(survey.workers)),
        "versions": escape(
            f"Python {platform.python_version()} · elsewhere {elsewhere.__version__} · "
            + ", ".join(survey.collection.roots)
        ),
        "figures": _figures(survey),
        "basis": escape(basis_text(survey)),
        "notices": "".join(f'<p class="muted">{escape(notice)}</p>' for notice in notices),
        "top": _top(survey),
        "shares": _shares(survey),
        "totals": _totals(survey),
        "failures": _failures(survey),
        "data": _data(survey),
    }
    return fill_in(template, values)


def _data(survey: Survey) -> str:
    calls = [
        [
            span.worker,
            round(span.started - survey.began, 6),
            round(span.elapsed, 6),
            span.items,
            span.ok,
        ]
        for span in survey.spans
    ]
    return script_json({"elapsed": round(survey.elapsed_seconds, 6), "calls": calls})


def _figures(survey: Survey) -> str:
    totals = survey.totals
    figures = [
        (f"with {worker_text(survey.workers)}", f"{survey.elapsed_seconds:.1f} s"),
        ("one core, estimated", f"{survey.one_core.seconds:.1f} s"),
        ("times as fast", f"{survey.speed_up:.2f}"),
        ("files", f"{totals.files:,}"),
        ("lines", f"{totals.lines:,}"),
        ("functions", f"{totals.functions:,}"),
    ]
    return "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in figures)


def _top(survey: Survey) -> str:
    return "".join(
        _row(
            [
                _number(f"{function.complexity:,}"),
                _number(f"{function.lines:,}"),
                _code(function.name),
                _code(f"{module.module}:{function.line}"),
            ]
        )
        for module, function in survey.top
    )


def _shares(survey: Survey) -> str:
    return "".join(
        _row(
            [
                f"<td>{share.worker}</td>",
                _number(f"{share.calls:,}"),
                _number(f"{share.files:,}"),
                _number(f"{share.busy_seconds:.2f} s"),
                _number(f"{share.share:.1%}"),
            ]
        )
        for share in survey.shares
    )


def _totals(survey: Survey) -> str:
    totals = survey.totals
    rows = [
        ("Files", f"{totals.files:,}"),
        ("Parsed", f"{totals.parsed:,}"),
        ("Size", byte_text(totals.bytes)),
        ("Lines", f"{totals.lines:,}"),
        ("Functions", f"{totals.functions:,}"),
        (f"Functions more complex than {COMPLEXITY_LIMIT}", f"{totals.over_limit:,}"),
        ("Classes", f"{totals.classes:,}"),
        ("Statements", f"{totals.statements:,}"),
    ]
    return "".join(
        _row([f'<th scope="row">{escape(name)}</th>', _number(value)]) for name, value in rows
    )


def _failures(survey: Survey) -> str:
    if not survey.failures:
        return '<p class="muted">None.</p>'
    counts = ", ".join(f"{len(of)} {kind}" for kind, of in survey.failures_by_kind.items())
    listed = [failure for of in survey.failures_by_kind.values() for failure in of]
    rows = "".join(
        _row([_code(failure.module), f"<td>{escape(failure.kind)}</td>", _text(failure.message)])
        for failure in listed[:FAILURES_SHOWN_MAX]
    )
    rest = len(listed) - FAILURES_SHOWN_MAX
    more = f'<p class="muted">{rest:,} more are not listed here.</p>' if rest > 0 else ""
    return (
        f'<p class="muted">{escape(counts)}. Some are invalid on purpose: test data.</p>'
        '<div class="scroll"><table class="reasons"><thead><tr><th>Module</th><th>Reason</th><th>Python says</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{more}"
    )


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _text(text: str) -> str:
    return f"<td>{escape(printable(text))}</td>"


def _code(text: str) -> str:
    return f"<td><code>{escape(printable(text))}</code></td>"
