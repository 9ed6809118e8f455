"""The walls between the rooms, by what really gets loaded and by what stands in the files.

The linter reads import statements; a parent package that loads a framework passes it. So each package is imported here
in a fresh interpreter, too.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = ("dagster", "fastapi", "starlette")
FRAMES = ("pandas", "numpy", "sklearn", "pyarrow", "deltalake", "matplotlib", "pandera")
PURE = ("panel", "forecasting", "evaluation")
PURE_FILES = [file for room in PURE for file in (ROOT / "milk" / room).rglob("*.py")]
IMPURE_MODULES = {"httpx", "io", "os", "requests", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "time",
                  "urllib"}  # fmt: skip
IMPURE_CALLS = {"open", "input", "print"}
IMPURE_METHODS = {"now", "today", "utcnow", "time", "monotonic", "read_text", "read_bytes", "write_text", "write_bytes",
                  "read_csv", "read_parquet", "to_csv", "to_parquet", "to_pickle", "read_pickle"}  # fmt: skip
ROOMS = sorted(
    init.parent
    for top in ("milk", "milk_assets", "milk_serving")
    for init in (ROOT / top).rglob("__init__.py")
    if init.is_file()
)


def _modules(package: Path) -> list[str]:
    """The modules of a package and of those below it."""
    files = [f for f in sorted(package.rglob("*.py")) if "migrations" not in f.parts and f.name != "__main__.py"]
    names = [f.relative_to(ROOT).with_suffix("").parts for f in files]
    return [".".join(name[:-1] if name[-1] == "__init__" else name) for name in names]


def _loaded_by(modules: list[str], wanted: tuple[str, ...]) -> set[str]:
    """Which of some libraries stand in memory after an import in a fresh interpreter."""
    code = f"import sys, {', '.join(modules)}\nprint(*(name for name in {wanted!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def test_the_probe_sees_what_is_loaded() -> None:
    assert _loaded_by(["sqlite3", "milk.tables"], ("sqlite3", "pandas", "dagster")) == {"sqlite3", "pandas"}


@pytest.mark.parametrize("room", sorted(p.name for p in ROOMS if p.parent == ROOT / "milk"))
def test_no_room_of_the_domain_loads_a_framework(room: str) -> None:
    assert _loaded_by(_modules(ROOT / "milk" / room), FRAMEWORKS) == set()


def test_no_module_beside_the_rooms_loads_a_framework() -> None:
    modules = [f"milk.{file.stem}" for file in (ROOT / "milk").glob("*.py") if file.stem != "__init__"]
    assert _loaded_by(["milk", *modules], FRAMEWORKS) == set()


def test_what_the_reader_shares_loads_no_frames() -> None:
    shared = ["milk.environment", "milk.errors", "milk.months", "milk.series", "milk.settings"]
    shared += [*_modules(ROOT / "milk" / "models"), *_modules(ROOT / "milk" / "publication")]
    assert _loaded_by(shared, (*FRAMES, *FRAMEWORKS)) == set()


def test_the_command_line_starts_without_frames_and_frameworks() -> None:
    assert _loaded_by(["milk.cli.main"], (*FRAMES, *FRAMEWORKS)) == set()


def test_the_reader_loads_no_frames_and_no_dagster() -> None:
    loaded = _loaded_by(_modules(ROOT / "milk_serving"), (*FRAMES, *FRAMEWORKS))
    assert loaded == {"fastapi", "starlette"}


def test_the_asset_graph_loads_no_serving_framework() -> None:
    assert _loaded_by(["milk_assets.definitions"], ("fastapi", "dagster")) == {"dagster"}


@pytest.mark.parametrize(
    "file", [f for room in PURE for f in (ROOT / "milk" / room).rglob("*.py")], ids=lambda f: f.stem
)
def test_the_pure_rooms_touch_no_file_and_no_clock(file: Path) -> None:
    assert _impurities(_tree(file)) == []


def _impurities(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [module] if module else [alias.name for alias in node.names]
            found += [name for name in names if name.split(".")[0] in IMPURE_MODULES]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(node.func.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS:
            found.append(node.func.attr)
    return found


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "from urllib import request",
        "open('x')",
        "dt.datetime.now(dt.UTC)",
        "Path('x').read_text()",
        "pd.read_csv('x')",
    ],
)
def test_the_scan_finds_what_it_looks_for(planted: str) -> None:
    assert len(_impurities(ast.parse(planted))) == 1


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_opens_with_its_charter_and_nothing_else(room: Path) -> None:
    tree = _tree(room / "__init__.py")
    assert ast.get_docstring(tree), "each room says at its head what belongs there"
    assert len(tree.body) == 1, "no code, no re-exports"


def test_settings_alone_read_the_environment() -> None:
    files = [f for top in ("milk", "milk_assets", "milk_serving") for f in (ROOT / top).rglob("*.py")]
    readers = {f.name for f in files if {"environ", "getenv"} & _attributes(_tree(f))}
    # `environment` is theirs. The processes of Dagster inherit the environment of the command that starts them.
    assert readers == {"dagster_home.py", "environment.py"}


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
