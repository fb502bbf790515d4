"""Where the wheels keep their programs. The wheels' own Python is never imported: it acts on import."""

from importlib.util import find_spec
from pathlib import Path

from localcloud.errors import LocalCloudError


def find_program(package: str, pattern: str) -> Path:
    """Return the program in an installed package whose path there matches `pattern`."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for program in sorted(Path(folder).glob(pattern)):
            return program
    raise LocalCloudError(f"{package} has no {pattern} for this machine")
