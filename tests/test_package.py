"""The folder: what is in it is on its map, and imports go in one direction."""

import ast
import re
import sys

import pytest
from conftest import ROOT, run_python

import dae

PACKAGES = {  # where a module's package has another name
    "IPython": "ipython",
    "PIL": "pillow",
    "pypandoc": "pypandoc_binary",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}


def test_each_module_is_on_the_map_and_imports_none_above_it():
    for path in (ROOT / "dae").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"^ *(?:from|import) dae\.(\w+)", text, flags=re.M)
        assert path.stem == "__main__" or "publish" not in names, path.name
        if not path.stem.startswith("_"):
            assert f"`{path.stem}`" in dae.__doc__, path.name
        elif not path.stem.startswith("__"):
            assert all(name.startswith("_") for name in names), path.name


def needed(paths):
    """The packages that some modules import."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    plain = [node for node in nodes if isinstance(node, ast.Import)]
    names |= {alias.name for node in plain for alias in node.names}
    modules = {name.split(".")[0] for name in names} - {"dae", *sys.stdlib_module_names}
    return {PACKAGES.get(module, module) for module in modules}


def test_what_is_imported_is_declared_once_in_each_list():
    """And `pip install -e .` brings no more than the lesson's modules need."""
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lesson, extras = project["dependencies"], project["optional-dependencies"]
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert sorted([*lesson, *extras["publish"], *extras["test"]]) == sorted(listed)
    paths = [path for path in (ROOT / "dae").glob("*.py") if path.stem != "__main__"]
    lists = lesson, lesson + extras["publish"]
    names = [{re.match(r"[\w-]+", line)[0] for line in lines} for lines in lists]
    assert needed(paths) == names[0]
    assert needed((ROOT / "dae").rglob("*.py")) <= names[1]


def test_text_is_read_and_written_in_utf_8():
    """Also where ruff cannot tell that it is a path that reads or writes it."""
    for path in (ROOT / "dae").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = isinstance(node, ast.Call) and getattr(node.func, "attr", "")
            if name in ("read_text", "write_text"):
                assert "utf-8" in ast.unparse(node), (path.name, node.lineno)


@pytest.mark.slow
def test_light_modules_do_not_start_tensorflow():
    code = "import sys, dae, dae.data, dae.noise, dae.metrics\n"
    code += "print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    assert run_python("-c", code)[0] == "set()\n"
