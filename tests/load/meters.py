"""What processes cost: CPU seconds and resident memory, as the kernel counts them (proc(5))."""

import os
import platform
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(processes: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds of each process and of all that descends from it, ended children included."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    spent: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        pid = int(path.parent.name)
        children[int(fields[1])].append(pid)
        spent[pid] = sum(map(int, fields[11:15])) / _TICKS
    return {name: _tree(pid, children, spent) for name, pid in processes.items()}


def _tree(pid: int, children: Mapping[int, list[int]], spent: Mapping[int, float]) -> float:
    return spent.get(pid, 0.0) + sum(_tree(child, children, spent) for child in children.get(pid, ()))


class Budget:
    """What a send costs of each process."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._costs = defaultdict[str, list[float]](list)

    def begin(self) -> None:
        """Begin a round."""
        self._before = cpu_seconds(self._processes)

    def end(self, sends: int) -> None:
        """Note what the round took for so many sends."""
        for process, seconds in cpu_seconds(self._processes).items():
            self._costs[process].append((seconds - self._before[process]) / sends * 1e6)

    @property
    def microseconds(self) -> dict[str, float]:
        """The median of the rounds, by process."""
        return {process: median(costs) for process, costs in self._costs.items()}


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def machine() -> dict[str, str]:
    """Say what this machine is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = os.uname()
    return {
        "processor": f"{model}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{system.sysname} {'.'.join(system.release.split('.')[:2])}, {system.machine}",
        "Python": platform.python_version(),
    }
