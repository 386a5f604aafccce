"""The machine that a run was made on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    processor: str
    cores: int
    memory_mib: int
    system: str
    python: str
    load_before: float

    def __str__(self) -> str:
        return (
            f"{self.cores} cores of {self.processor}, {self.memory_mib / 1024:.0f} GiB, "
            f"{self.system}, Python {self.python}, load {self.load_before:.2f} before"
        )


def this_machine() -> Machine:
    """Describe the machine as it is now; `load_before` is the load average of a minute."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=processor_name(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=pages // MIB,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load_before=os.getloadavg()[0],
    )


def processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
