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
    for path in [*(ROOT / "dae").glob("*.py"), ROOT / "dae/publish"]:
        if not path.name.startswith("__"):
            assert f"`{path.stem}`" in dae.__doc__, path.name


def test_imports_go_in_one_direction():
    for path in (ROOT / "dae").glob("*.py"):
        names = set(imported(path))
        if path.stem != "__main__":
            assert not any(name.startswith("dae.publish") for name in names), path.name
        if path.stem.startswith("_") and not path.stem.startswith("__"):
            lesson = {n for n in names if n.startswith("dae.") and "._" not in n}
            assert not lesson, path.name


def test_text_files_are_in_utf_8_whatever_the_system_says():
    """As on Windows, where a text file is in cp1252 unless it is said."""
    checked = 0
    for path in (ROOT / "dae").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            told = [ast.unparse(a) for a in (*node.args, *node.keywords)]
            if name in ("read_text", "write_text"):
                assert any("utf-8" in text for text in told), (path.name, node.lineno)
            elif isinstance(node.func, ast.Name) and name == "open":
                assert "b" in told[1] or "encoding" in told[-1], path.name
            else:
                continue
            checked += 1
    assert checked > 8
