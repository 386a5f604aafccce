"""The control groups of Linux that this process is in, and what they say."""

import os
from collections.abc import Iterator

# Not pathlib: a pool would wait for its import before it has started anything.
Path = str | os.PathLike[str]
CGROUP = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"


def groups_of(controller: str, cgroup: Path, membership: Path) -> Iterator[str]:
    """The folders of the groups that this process is in, as far as they are seen from here."""
    root = os.fspath(cgroup)
    yield root
    yield f"{root}/{controller}"
    try:
        lines = read(membership).splitlines()
    except OSError:
        return  # no control groups here
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = f"{root}/{controller}" if controllers else root
        path = group.strip("/")
        while path:
            yield f"{top}/{path}"
            path = path.rpartition("/")[0]
        yield top


def read(path: Path) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
