"""What every page that is written here needs: templates filled in, values as JSON, sizes for reading."""

import json
import re
from collections.abc import Mapping


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """`template` with each ``{{name}}`` replaced by that value, which is HTML already."""
    # One pass, so that a value which looks like a marker stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: values[marker[1]], template)


def script_json(value: object) -> str:
    """JSON that is safe inside a script element: no ``<`` can end it or open a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def byte_text(count: int) -> str:
    """A size for reading, such as ``1.5 MiB``; sizes under a kibibyte are exact."""
    size, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
