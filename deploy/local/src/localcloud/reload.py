"""Which services must start anew because their code changed. Looks at times of change, so it needs no system's help."""

from pathlib import Path

from localcloud.paths import Layout
from localcloud.suite import Member


class Watch:
    """Remembers when each source file changed last."""

    def __init__(self, layout: Layout, members: list[Member]) -> None:
        """Begin with the files as they are now."""
        self._libraries = layout.libraries
        self._members = members
        self._seen = self._look()

    def changed(self) -> list[Member]:
        """Return the services whose code changed since the last call; a library's change concerns all."""
        now = self._look()
        paths = {path for path in now.keys() | self._seen.keys() if now.get(path) != self._seen.get(path)}
        self._seen = now
        if any(path.is_relative_to(self._libraries) for path in paths):
            return self._members
        return [member for member in self._members if any(path.is_relative_to(member.folder) for path in paths)]

    def _look(self) -> dict[Path, int]:
        sources = [member.folder / "src" for member in self._members] + list(self._libraries.glob("*/src"))
        files = [file for source in sources for file in source.rglob("*.py")]
        return {file: file.stat().st_mtime_ns for file in files if file.exists()}
