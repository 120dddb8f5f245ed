"""Which small changes of the package would no test notice?

    PYTHONPATH=. python tests/benchmarks/mutants.py --modules noise metrics

Makes mutants: copies of the project with one small change in dae/. An operator becomes
another (< becomes <=, - becomes +, `and` becomes `or`), a number one more or twice as
large, True becomes False, a condition its opposite, a slice ends elsewhere, a call, a
`raise` or an assignment such as += is left out, a function returns None. From each
function a few are drawn, the same at each run. A mutant runs the module's own tests,
then all others that have to do with it, up to the first that fails: then it is caught,
and also if it hangs. Without a change the tests must pass first. Your files stay as
they are, but mutants are wrong programs that run: mind where you let them.

A mutant that survives is printed. It means that a test is missing, that the code is not
needed, or that the change makes no difference. The last is for a person to judge: if no
arguments within what the docstring allows lead to another result or message, the mutant
goes into EQUIVALENT, and is neither run nor counted as caught or survived any more.

Not changed: texts, annotations, imports, f-strings, error messages, and mere looks:
calls and keywords of Matplotlib for sizes, colours and places, and in the modules that
draw also their constants, the functions that only place something, and numbers with a
point and sums with them. Tests that run the whole notebook are left out, as they take
minutes, and so is the one that compares the source shown in it, which any change fails.
Modules without Keras come first. Writes mutants.json; modules not run keep their
numbers there.
"""

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import common

# (module, changed lines before, the same after), each without line breaks
EQUIVALENT = {
    (  # NumPy takes any negative length for the one to be found
        "noise",
        "masked = images.reshape(len(images), -1).copy()",
        "masked = images.reshape(len(images), -2).copy()",
    ),
    (
        "baselines",
        "fitted.fit(noisy.reshape(len(noisy), -1), clean.reshape(len(clean), -1))",
        "fitted.fit(noisy.reshape(len(noisy), -1), clean.reshape(len(clean), -2))",
    ),
    ("notebook", "return", "return None"),  # in LiveProgress, whose answer is unused
}
DRAWING = {"charts", "plotting"}
LOOKS = re.compile(  # and `strict`, which guards what should not happen
    "alpha|aspect|bbox|capsize|cmap|color|ec|ecolor|fc|figsize|fontsize|grid|h_pad|ha|"
    "hspace|labelpad|labelsize|loc|ls|lw|margins|markersize|mec|mfc|minorticks_off|ms|"
    "ncols|pad|rotation|set|shrink|strict|tick_params|transform|va|w_pad|weight|width|"
    "wspace|xytext|zorder"
)
PLACING = {"annotate", "text", "_arrow", "_picture", "_trapezium"}
LEFT_OUT = "not fast_run and not main_job and not shown_source"  # names of tests
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "runs", "scratch", "__pycache__", ".*_cache", ".hypothesis"
)
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-",
    "-": "+", "*": "/", "/": "*", "**": "*", "//": "/", "%": "*", "&": "|", "|": "&",
    "and": "or", "or": "and", "in": "not in", "not in": "in", "is": "is not",
    "is not": "is", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=",
}  # fmt: skip
INSTEAD = {ast.Raise: "pass", ast.AugAssign: "pass", ast.Return: "return None",
           ast.Break: "continue", ast.Continue: "break"}  # fmt: skip


def find_modules(project):
    """Return the path of each module: noise, publish_run and so on."""
    paths = sorted(project.glob("dae/**/*.py"))
    names = (
        "_".join(p.relative_to(project / "dae").with_suffix("").parts) for p in paths
    )
    return {name: path for name, path in zip(names, paths, strict=True)
            if path.stem != "__init__"}  # fmt: skip


class Mutant(NamedTuple):
    """A changed module, and what was changed in it."""

    path: Path
    source: bytes
    change: tuple[str, str, str]  # as in EQUIVALENT


def is_looks(node, drawing):
    """Whether a node only says what a figure looks like."""
    call = node.value if isinstance(node, ast.Expr) else node
    if isinstance(call, (ast.Call, ast.keyword)):
        func = getattr(call, "func", call)
        name = getattr(func, "attr", getattr(func, "id", getattr(func, "arg", "")))
        return LOOKS.fullmatch(name or "") or (
            drawing and call is node and name in PLACING
        )
    if not drawing or isinstance(node, ast.FunctionDef):
        return drawing and node.name in PLACING
    return isinstance(node, (ast.Constant, ast.BinOp)) and any(
        isinstance(getattr(inner, "value", None), float) for inner in ast.walk(node)
    )


def nodes(parent, function, drawing):
    """Yield (function, node) for all that may be changed below a node."""
    for field, value in ast.iter_fields(parent):
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or isinstance(node, ast.JoinedStr):
                continue
            named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            inner = f"{function}.{node.name}" if named else function
            skipped = field in ("annotation", "returns") or (drawing and not inner)
            if skipped or is_looks(node, drawing):
                continue
            yield inner, node
            if not isinstance(node, ast.Raise):
                yield from nodes(node, inner, drawing)


def is_exact(node):
    """Whether another operator gives the opposite, so that `not` would do the same."""
    exact = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], exact)


def is_text(*nodes):
    """Whether one is a text: a path is joined, where * can only fail."""
    return any(isinstance(getattr(node, "value", None), str) for node in nodes)


def changes(node, source, span):
    """Yield (start, end, text to put there) for each change of a node itself."""
    start, end = span(node) if hasattr(node, "lineno") else (0, 0)
    value = getattr(node, "value", None)
    is_call = isinstance(node, ast.Expr) and isinstance(value, ast.Call)
    if is_call or type(node) in INSTEAD:
        yield start, end, INSTEAD.get(type(node), "pass")
    elif isinstance(node, ast.UnaryOp):
        yield start, start + (3 if isinstance(node.op, ast.Not) else 1), ""
    elif isinstance(node, ast.Constant) and isinstance(value, bool):
        yield start, end, str(not value)
    elif isinstance(node, ast.Constant) and isinstance(value, (int, float)):
        yield start, end, str(value + 1 if isinstance(value, int) else 2 * value or 1.0)

    if isinstance(node, (ast.Compare, ast.BoolOp, ast.BinOp, ast.AugAssign)):
        sides = [x for x in ast.iter_child_nodes(node) if isinstance(x, ast.expr)]
        for left, right in pairwise(sides):
            start, end = span(left)[1], span(right)[0]
            between = source[start:end].decode()
            operator = re.search(r"not in|is not|[a-z]+|[^\s()\\]+", between)[0]
            if operator in SWAPS and not (operator == "/" and is_text(left, right)):
                yield start, end, between.replace(operator, SWAPS[operator], 1)

    conditions = [getattr(node, "test", None), *getattr(node, "ifs", [])]
    bounds = [getattr(node, "lower", None), getattr(node, "upper", None)]
    forms = [(x, "not ({})") for x in conditions] + [(x, "({}) + 1") for x in bounds]
    for part, form in forms:
        as_above = isinstance(part, (ast.Constant, ast.UnaryOp)) or is_exact(part)
        if part and not as_above:
            start, end = span(part)
            yield start, end, form.format(source[start:end].decode())


def draw(module, path, options):
    """Return how many changes of a module there are, and the mutants drawn."""
    source = path.read_bytes()  # columns are counted in bytes
    tree = ast.parse(source)
    lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]

    def span(node):
        start = lines[node.lineno - 1] + node.col_offset
        return start, lines[node.end_lineno - 1] + node.end_col_offset

    found, drawn = {}, []
    for function, node in nodes(tree, "", module in DRAWING):
        found.setdefault(function, set()).update(changes(node, source, span))
    for function, places in found.items():
        shuffled = sorted(places)
        random.Random(f"{options.seed} {module} {function}").shuffle(shuffled)
        mutants = []
        for start, end, text in shuffled:
            if len(mutants) == options.per_function:
                break
            first, last = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", end)
            after = source[first:start] + text.encode() + source[end:last]
            mutant = source[:first] + after + source[last:]
            pair = (" ".join(t.decode().split()) for t in (source[first:last], after))
            if ast.dump(ast.parse(mutant)) != ast.dump(tree):
                mutants.append(Mutant(path, mutant, (module, *pair)))
        drawn += mutants
    return sum(map(len, found.values())), drawn


def stages(module, modules, seconds):
    """Return a module's own test files, and all others that have to do with it.

    These are those of all functions, those that name something public of the module,
    and those of modules that import it. The shortest come first.
    """

    def own(path):
        return {t for t in seconds if t.stem == f"test_{path.stem.strip('_')}"}

    path = modules[module]
    dotted = rf"dae\.(\w+\.)?{path.stem}\b"
    public = [getattr(node, "name", "_") for node in ast.parse(path.read_bytes()).body]
    names = [dotted, *(rf"\b{name}\b" for name in public if name[0] != "_")]
    general = ("test_properties", "test_refusals")
    rest = {t for t in seconds if t.stem in general}
    rest |= {t for t in seconds if re.search("|".join(names), t.read_text())}
    for other in modules.values():
        if re.search(rf"^from {dotted}", other.read_text(), flags=re.M):
            rest |= own(other)

    def order(test):
        return test.stem not in general, seconds[test]

    return [sorted(s, key=order) for s in (own(path), rest - own(path)) if s]


def passes(tests, project, limit=None, mutant=None):
    """Run test files in a new copy; return (whether they pass or hang, printed)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "project")
        shutil.copytree(project, copy)
        if mutant:
            (copy / mutant.path.relative_to(project)).write_bytes(mutant.source)
        options = ["--all", "-x", "-q", "-p", "no:cacheprovider", "-k", LEFT_OUT]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options,
             *(str(test.relative_to(project)) for test in tests)],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "TMPDIR": folder,
                 "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "hangs", ""
        return "passes" if process.returncode == 0 else "fails", printed


def show(mutant, project):
    """Print what a mutant changes."""
    before, after = mutant.path.read_text().splitlines(), mutant.source.decode()
    name = str(mutant.path.relative_to(project))
    lines = difflib.unified_diff(before, after.splitlines(), name, name, lineterm="")
    print("survived:", *lines, "", sep="\n", flush=True)


def measure(project, options, end):
    """Run the tests without a change, then the mutants; return the counts."""
    modules = find_modules(project)
    chosen = sorted(options.modules, key=lambda m: "keras" in modules[m].read_text())
    seconds = dict.fromkeys(sorted(project.glob("tests/test_*.py")), 0.0)
    plans, entries, mutants = {}, {}, []

    def run_unchanged(test):
        begun = time.monotonic()
        return test, *passes([test], project), time.monotonic() - begun

    def run(mutant):
        if mutant.change in EQUIVALENT:
            return "equivalent"
        if time.monotonic() > end:
            return "not_run"
        for tests in plans[mutant.change[0]]:
            limit = 60 + 5 * sum(seconds[test] for test in tests)
            ended, _ = passes(tests, project, limit, mutant)
            if ended != "passes":
                return ended
        return "survived"

    for name in chosen:
        possible, drawn = draw(name, modules[name], options)
        mutants += drawn
        entries[name] = {"possible": possible, "written": len(drawn)}
    with ThreadPoolExecutor(options.jobs) as pool:
        wanted = {t for m in chosen for s in stages(m, modules, seconds) for t in s}
        for test, ended, printed, took in pool.map(run_unchanged, sorted(wanted)):
            print(f"without a change, {test.name} {ended}: {took:.0f} s", flush=True)
            if ended != "passes":
                raise SystemExit(printed)
            seconds[test] = took
        for name in chosen:
            plans[name] = stages(name, modules, seconds)
        found = {name: Counter() for name in chosen}
        for mutant, ended in zip(mutants, pool.map(run, mutants), strict=True):
            found[mutant.change[0]][ended] += 1
            if ended == "survived":
                show(mutant, project)
    for name, entry in entries.items():
        count = found[name]
        entry["equivalent"] = count["equivalent"]
        entry["caught"] = count["fails"] + count["hangs"]
        entry["survived"] = count["survived"]
        entry["run"] = entry["caught"] + entry["survived"]
    return entries


def main():
    """Read the command line, and write mutants.json."""
    root = common.FOLDER.parents[1]
    names = list(find_modules(root))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", nargs="+", choices=names, default=names)
    parser.add_argument("--per-function", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="begin no mutant after so many")
    parser.add_argument("--jobs", type=int, default=2, help="mutants side by side")
    common.save_as(parser, "mutants")
    options = parser.parse_args()
    end = time.monotonic() + 60 * (options.minutes or float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")  # the tree may change meanwhile
        shutil.copytree(root, project, ignore=NOT_COPIED)
        entries = measure(project, options, end)
    path = common.FOLDER / f"{options.save_as}.json"
    earlier = json.loads(path.read_text())["modules"] if path.exists() else {}
    modules = {n: e for n, e in {**earlier, **entries}.items() if n in names}
    keys = ("possible", "written", "equivalent", "run", "caught", "survived")
    results = {
        "per_function": options.per_function,
        "seed": options.seed,
        "modules": modules,
        "total": {key: sum(entry[key] for entry in modules.values()) for key in keys},
    }
    common.save(options.save_as, results)


if __name__ == "__main__":
    main()
