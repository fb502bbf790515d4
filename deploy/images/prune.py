"""Leave in an image's virtual environment what runs there, and nothing else.

Runs once, while the image is built: ``prune.py ENVIRONMENT POLICY``. What goes: the SDK's models of AWS services that
the service's policy never lets it call (25 MB), debug symbols (40 MB), and tests that packages bring along.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = {"SelfTest", "test", "testdata", "testing", "tests"}
VERSION_2 = "v2"
"""SES and its like: policies say `ses`, the SDK's newer model is called `sesv2`."""


def callable_services(policy: Path) -> set[str]:
    """Return the AWS services that a policy.json allows actions of, by the SDK's names."""
    statements = json.loads(policy.read_bytes())
    return {action.partition(":")[0] for statement in statements for action in statement["actions"]}


def unused_models(packages: Path, used: set[str]) -> Iterator[Path]:
    """Yield the SDK's models that nothing asks for; raises when one that is needed does not exist."""
    models = {path.name: path for path in packages.glob("botocore/data/*") if path.is_dir()}
    if unknown := used - models.keys():
        raise SystemExit(f"the SDK has no model of {', '.join(sorted(unknown))}")
    kept = used | {name + VERSION_2 for name in used}
    yield from (path for name, path in models.items() if name not in kept)


def tests_of(packages: Path) -> Iterator[Path]:
    """Yield the outermost folders of tests."""
    for path in sorted(packages.rglob("*")):
        if path.name in TESTS and path.is_dir() and not TESTS & set(path.relative_to(packages).parts[:-1]):
            yield path


def libraries_of(environment: Path) -> Iterator[Path]:
    """Yield the libraries that may be stripped: those that wheels bring along in `*.libs` were rewritten, and break."""
    for path in environment.rglob("*.so*"):
        if path.is_file() and not path.is_symlink() and path.parent.suffix != ".libs":
            yield path


def main(environment: Path, policy: Path) -> None:
    """Prune an environment for the service of this policy."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    for folder in [*unused_models(packages, callable_services(policy)), *tests_of(packages)]:
        shutil.rmtree(folder)
    subprocess.run(["strip", "--strip-debug", *map(str, libraries_of(environment))], check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
