"""What one piece of work may use. The system's own limits, set by a process on itself before it begins."""

import resource
import sys

from pydantic import BaseModel

MIB = 1024 * 1024


class Limits(BaseModel):
    """Limits of a piece of work, and of every program that it starts."""

    memory_mib: int = 1024
    """Address space of each process, libraries included; what lies in memory at once is far less."""
    cpu_seconds: int = 60
    """Processor time."""
    seconds: float = 180.0
    """Time by the clock."""
    file_mib: int = 6 * 1024
    """The largest file that it may write."""
    open_files: int = 64

    def impose(self) -> None:
        """Hold this process to them, for good. A lower limit that holds already stays."""
        limits = {
            resource.RLIMIT_CPU: self.cpu_seconds,
            resource.RLIMIT_FSIZE: self.file_mib * MIB,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_CORE: 0,
        }
        if sys.platform == "linux":  # macOS refuses it
            limits[resource.RLIMIT_AS] = self.memory_mib * MIB
        for limit, most in limits.items():
            _, allowed = resource.getrlimit(limit)
            most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
            resource.setrlimit(limit, (most, most))
