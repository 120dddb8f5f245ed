"""The folder: what is in it is on its map, and imports go in one direction."""

import ast

from conftest import ROOT

import dae


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_map_names_each_module():
    for path in [*(ROOT / "dae").glob("*.py"), ROOT / "dae/press"]:
        if not path.name.startswith("__"):
            assert f"`{path.stem}`" in dae.__doc__, path.name


def test_imports_go_in_one_direction():
    for path in (ROOT / "dae").glob("*.py"):
        names = set(imported(path))
        if path.stem != "__main__":
            assert not any(name.startswith("dae.press") for name in names), path.name
        if path.stem.startswith("_") and not path.stem.startswith("__"):
            lesson = {n for n in names if n.startswith("dae.") and "._" not in n}
            assert not lesson, path.name
