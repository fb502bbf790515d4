"""Where things lie: everything that a local run writes is under one folder, `.local`, of the checkout."""

from dataclasses import dataclass
from pathlib import Path

from localcloud.bootstrap import CHECKOUT


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout: by default the one that this code stands in.

    Attributes:
        home: where this run writes, if not right in `.local`.
    """

    checkout: Path = CHECKOUT
    home: Path | None = None

    @property
    def local(self) -> Path:
        """What is written here, and nowhere else."""
        return self.home or self.checkout / ".local"

    @property
    def services(self) -> Path:
        """The services."""
        return self.checkout / "services"

    @property
    def libraries(self) -> Path:
        """What services share."""
        return self.checkout / "libs"

    @property
    def state(self) -> Path:
        """What runs, where, and with which credentials."""
        return self.local / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the one supervisor."""
        return self.local / "up.lock"

    @property
    def data(self) -> Path:
        """What survives a restart."""
        return self.local / "data"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.local / "log"

    @property
    def runs(self) -> Path:
        """Servers of single commands and test sessions."""
        return self.local / "run"

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.logs / f"{name.replace(' ', '-')}.log"
