"""The house keeps its floors: imports run only downwards, and the two programs do not know each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXPORTER = ROOT / "exporter" / "taximeter_exporter"
TRAINER = ROOT / "trainer" / "taximeter"

FLOORS = {
    "cli": 5,
    "__main__": 5,
    "app": 4,
    "reloading": 4,
    "watching": 4,
    "web": 3,
    "config": 3,
    "reports": 3,
    "metering": 2,
    "devices": 1,
    "pricing": 1,
    "clock": 1,
    "validation": 1,
    "exact_yaml": 1,
    "__init__": 0,
}


def imports(path: Path) -> set[str]:
    """The full names of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports by full name only"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str:
    """The room of a module of the exporter."""
    rest = module.removeprefix("taximeter_exporter").lstrip(".").split(".")[0]
    return rest if rest in FLOORS else "__init__"


@pytest.mark.parametrize("path", sorted(EXPORTER.rglob("*.py")), ids=lambda path: str(path.relative_to(EXPORTER)))
def test_the_exporter_imports_only_downwards(path: Path) -> None:
    own = path.relative_to(EXPORTER).parts[0].removesuffix(".py")
    for module in imports(path):
        top = module.split(".")[0]
        assert top not in {"torch", "taximeter"}, f"{path} imports {module}"
        if top == "taximeter_exporter":
            other = room(module)
            assert other == own or FLOORS[other] <= FLOORS[own], f"{own} imports {module}"


@pytest.mark.parametrize("path", sorted(TRAINER.rglob("*.py")), ids=lambda path: str(path.relative_to(TRAINER)))
def test_the_meter_for_any_loop_needs_neither_torch_nor_the_exporter(path: Path) -> None:
    training = "training" in path.relative_to(TRAINER).parts
    for module in imports(path):
        top = module.split(".")[0]
        assert top != "taximeter_exporter", f"{path} imports {module}"
        if not training:
            assert top not in {"torch", "torchvision", "sklearn", "tqdm"}, f"{path} imports {module}"
