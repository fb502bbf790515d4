"""What no file of a library or a service may do, because one place does it for all."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Syntax = Callable[[Path], ast.Module]


def _names(node: ast.AST) -> Iterator[str]:
    """The dotted names that a tree mentions."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute | ast.Name):
            yield ast.unparse(part)


def _offenders(root: Path, sources: Sequence[Path], offends: Callable[[Path], bool]) -> list[str]:
    return [str(path.relative_to(root)) for path in sources if offends(path)]


def test_nobody_raises_an_http_exception(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    def raises(path: Path) -> bool:
        raised = (node.exc for node in ast.walk(syntax(path)) if isinstance(node, ast.Raise) and node.exc)
        return any(name.endswith("HTTPException") for error in raised for name in _names(error))

    assert _offenders(root, sources, raises) == []


def test_only_settings_read_the_environment(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    tests_plugin = root / "libs/servicekit/src/servicekit/testing.py"

    def reads(path: Path) -> bool:
        return path != tests_plugin and bool({"os.environ", "os.getenv", "environ"} & set(_names(syntax(path))))

    assert _offenders(root, sources, reads) == []


def test_tests_are_told_of_servers_by_fixtures(root: Path) -> None:
    """`valkey_url`, `emulator_url` and their kin stand in `servicekit.testing`."""
    address = re.compile(r"environ\[[\"']\w+_URL[\"']\]")
    tests = [path for place in ("libs", "services") for path in sorted(root.glob(f"{place}/*/tests/**/*.py"))]

    def looks_one_up(path: Path) -> bool:
        return address.search(path.read_text()) is not None

    assert tests
    assert _offenders(root, tests, looks_one_up) == []


def test_middleware_is_plain_asgi(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    def inherits(path: Path) -> bool:
        return any(name.endswith("BaseHTTPMiddleware") for name in _names(syntax(path)))

    assert _offenders(root, sources, inherits) == []


def test_sessions_commit_themselves(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    """`WriteSession` and `Database.write` commit; the relay owns its connection."""

    def commits(path: Path) -> bool:
        return "services" in path.relative_to(root).parts and any(
            name.endswith(("session.commit", "session.rollback")) for name in _names(syntax(path))
        )

    assert _offenders(root, sources, commits) == []


def test_nobody_swallows_an_exception(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    def swallows(path: Path) -> bool:
        return any(
            isinstance(node, ast.ExceptHandler)
            and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
            and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
            for node in ast.walk(syntax(path))
        )

    assert _offenders(root, sources, swallows) == []


def test_dependencies_are_coroutines(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    """FastAPI runs any other on a thread, for every request: the hop costs more than most dependencies do."""

    def hops(path: Path) -> bool:
        calls = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.Call) and node.args]
        given = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "Depends"}
        return any(isinstance(node, ast.FunctionDef) and node.name in given for node in ast.walk(syntax(path)))

    assert _offenders(root, sources, hops) == []


def test_time_limits_do_not_swallow_a_cancellation(root: Path, sources: Sequence[Path], syntax: Syntax) -> None:
    """`asyncio.wait_for` of Python 3.11 drops one that comes as its work is done: use `asyncio.timeout`."""

    def swallows(path: Path) -> bool:
        return "asyncio.wait_for" in set(_names(syntax(path)))

    assert _offenders(root, sources, swallows) == []
