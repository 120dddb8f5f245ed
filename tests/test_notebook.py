"""The committed notebook: executed in order, whole, clean, and what it says it is."""

import ast
import base64
import itertools
import operator
import re
from collections import Counter

import pytest
from conftest import ROOT

import dae
from dae.__main__ import FAST
from dae.publish.numbers import COMMENT
from dae.publish.plan import names_in

FITTING = {
    "fit", "fit_affine_denoiser", "learn_from_few", "noisy_batches", "short_run",
    "train", "train_classifier", "train_on_batch", "training_loop", "tune",
    "with_curve",
}  # fmt: skip


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    texts = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    return COMMENT.sub("", "\n".join(texts))


def names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def test_executed_in_one_go_without_errors_and_names_no_machine(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(notebook):
        kinds = {output.output_type for output in cell.outputs}
        assert not kinds & {"error", "stream"}, cell.id
    assert not re.search(r"/(home|root|tmp|work|Users)/|widget", str(notebook))


def test_a_cell_can_be_run_again_or_after_another(notebook):
    """A name that several cells bind is bound in each of them before it is used."""
    cells = {cell.id: names_in(cell.source) for cell in code_cells(notebook)}
    homes = Counter(name for bound, _ in cells.values() for name in bound)
    for cell, (_, used) in cells.items():
        assert not [name for name in used if homes[name] > 1], cell
    assert all(len(c.source.splitlines()) <= 30 for c in code_cells(notebook))


def test_plan_and_recap_have_a_line_for_each_section(notebook):
    text = prose(notebook)
    sections = re.findall(r'^<a id="(.+)"></a>\n\n## (\d+)\. ', text, flags=re.M)
    rows = re.findall(r"^\|.*\[(\d+)\. .+?\]\(#(.+?)\)", text, flags=re.M)
    assert [(name, number) for number, name in rows] == sections
    _, recap = text.split("## Recap\n")
    rows = re.findall(r"^\| \[(\d+)\]\(#(.+?)\) \| ", recap, flags=re.M)
    assert [(name, number) for number, name in rows] == sections[2:]


def test_each_section_has_its_parts_and_all_places_are_links(notebook):
    """So that `renumber` reaches them."""
    text = prose(notebook)
    bare = re.findall(r"(?<!\[)\b[Ss]ections? \d+|(?<![\[*])\b[Ff]igure \d+", text)
    assert not bare
    parts = re.findall(r"^(#{1,2} .+)\n((?:(?!#{1,2} ).*\n)*)", text, flags=re.M)
    sections = [body for title, body in parts if re.match(r"## \d", title)]
    for section in sections:
        assert section.count("**What to take from it.**") == 1, section[:30]
        assert section.count("*Try it:*") == 1, section[:30]
        spared = section in sections[:6] or section.startswith("\n*Optional")
        assert section.count("> **Predict first.**") == 1 or spared


def test_each_figure_has_a_caption_below_it(notebook):
    captions = 0
    for cell, below in itertools.pairwise(notebook.cells):
        is_drawn = cell.cell_type == "code" and "dae.save_figure(" in cell.source
        if is_drawn or cell.source.startswith("!["):  # or is a picture by its path
            text = COMMENT.sub("", below.source)
            assert re.search(r"^\*\*Figure \d+\.\*\* .{30,}\.$", text, flags=re.M), text
            captions += 1
    assert prose(notebook).count("**Figure ") == captions


def test_every_reference_is_cited_and_every_citation_is_listed(notebook):
    text, references = prose(notebook).split("## References")
    citation = r"((?:Le)?[A-Z][\w-]+)(?: et al\.| & [A-Z][\w-]+)? \[?((?:19|20)\d\d)\]?"
    cited = {(name.split()[-1], year) for name, year in re.findall(citation, text)}
    listed = set()
    for line in references.strip().split("\n- "):
        authors, year = re.match(r"(?:- )?(.+?) \((\d{4})\)\.", line).groups()
        listed.add((re.split(r",| and ", authors)[0].split()[-1], year))
        assert re.search(r"\]\(https://\S+\)", line) or year < "1990", line
    assert cited == listed


def test_links_lead_to_files_or_https(notebook):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^#\s]\S*?)\)", prose(notebook) + readme):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_shown_figures_are_the_saved_files_with_alt_text(notebook):
    shown = set()
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                (name,) = re.findall(r"figures/(\w+)\.png", cell.source)
                assert len(output.metadata["image/png"]["alt"]) > 20, name
                content = (ROOT / f"figures/{name}.png").read_bytes()
                assert content == base64.b64decode(output.data["image/png"]), name
                shown.add(name)
    named = set(re.findall(r"figures/(\w+)\.\w+", str(notebook)))
    assert {path.stem for path in (ROOT / "figures").iterdir()} == named


def test_shown_source_is_the_package_s(notebook):
    shown = set()
    for cell in code_cells(notebook):
        if "dae.show_source(" in cell.source:
            found = re.findall(r"dae\.(?!show_source)([\w.]+)", cell.source)
            functions = [operator.attrgetter(name)(dae) for name in found]
            expected = dae.show_source(*functions).data
            assert cell.outputs[0].data["text/markdown"] == expected
            shown.update(found)
    assert {"add_gaussian_noise", "build_encoder", "training_loop"} <= shown


def test_names_in_the_text_are_names_in_the_code(notebook):
    """Such as `keep`: what the package or a cell no longer has is not spoken of."""
    code = [c.source for c in code_cells(notebook)]
    code += [p.read_text(encoding="utf-8") for p in (ROOT / "dae").rglob("*.py")]
    words = set(re.findall(r"\w+", "\n".join(code)))
    found = re.findall(r"`([A-Za-z_][\w.]*)", prose(notebook))
    assert set(re.findall(r"\w+", " ".join(found))) <= words


def test_no_test_image_is_seen_before_the_test_or_by_a_fit(notebook):
    """x_test is cut to size in section 1; what is made of it, no fitting step gets."""
    ids = [cell.id for cell in notebook.cells]
    for cell in code_cells(notebook):
        if ids.index(cell.id) < ids.index("s5") and cell.id != "load":
            assert not re.search(r"[a-z]_test\b", cell.source), cell.id
    module = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    held_out = {"x_test", "y_test"}
    for node in module.body:
        if isinstance(node, ast.Assign) and names(node.value) & held_out:
            held_out |= names(node.targets[0]) - {"results"}
    assert {"noisy_test", "noisy_sample", "denoised", "whole"} <= held_out
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    fits = [c for c in calls if ast.unparse(c.func).rpartition(".")[2] in FITTING]
    assert len(fits) > 20
    for fit in fits:
        given = set().union(*map(names, [*fit.args, *fit.keywords]))
        assert not given & held_out, ast.unparse(fit)


def test_each_experiment_has_random_numbers_of_its_own(notebook):
    """Each stream has a name; one that varies begins as no other name does."""
    found = []
    for cell in code_cells(notebook):
        calls = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) == "dae.rng":
                name = call.args[1]
                varies = isinstance(name, ast.JoinedStr)
                found.append(((name.values[0] if varies else name).value, varies))
        if not cell.id.startswith(("see", "sample", "exercise", "solution")):
            assert "np.random" not in cell.source, cell.id  # or the bootstrap's
    assert len(found) > 20
    for (name, varies), (other, _) in itertools.permutations(found, 2):
        assert not (other.startswith(name) if varies else other == name), name


@pytest.mark.slow
def test_part_1_with_the_pretrained_network(notebook, results, tmp_path):
    """The committed losses come out again, on fewer images; nothing is trained."""
    found = {}
    for cell in itertools.takewhile(lambda cell: cell.id != "part-2", notebook.cells):
        if cell.cell_type == "code":
            exec(cell.source, found)
        if cell.id == "parameters":
            found |= FAST | {"PRETRAINED": True, "EPOCHS": 50, "OUTPUT": str(tmp_path)}
    kept, expected = found["results"], results["training"]["validation"]
    best = min(found["state"].history["val_loss"])
    assert best == pytest.approx(expected, rel=0.005)  # under noise of its own
    assert kept["training"]["validation"] == pytest.approx(expected, rel=0.02)
    # 300 test images instead of 10,000: the mean lies within half a decibel
    expected = results["test"]["denoised"]["psnr"]
    assert kept["test"]["denoised"]["PSNR"] == pytest.approx(expected, abs=0.5)
