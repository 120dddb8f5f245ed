"""The committed notebook: executed in order, whole, clean, and what it says it is."""

import ast
import base64
import itertools
import operator
import re

import pytest
from conftest import ROOT
from nbconvert import HTMLExporter

import dae
from dae.publish.run import parameter_cell
from dae.results import FULL_RUN

WITHIN_A_CELL = {"rng", "rows", "figure"}  # names bound and used there


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_executed_in_one_go(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_errors_and_nothing_printed(notebook):
    for cell in code_cells(notebook):
        kinds = {output.output_type for output in cell.outputs}
        assert not kinds & {"error", "stream"}, cell.id


def test_small_enough_for_github_and_names_no_machine():
    text = (ROOT / "denoising-autoencoder-tutorial.ipynb").read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    assert "widget" not in text


def test_cells_are_short(notebook):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    assert max(lengths) <= 30
    assert sorted(lengths)[len(lengths) // 2] <= 13


def test_each_name_is_bound_by_assignment_in_one_cell_only(notebook):
    bound = {}
    for cell in code_cells(notebook):
        names = set(re.findall(r"^([a-zA-Z_]\w*) = ", cell.source, flags=re.M))
        for name in names - WITHIN_A_CELL:
            if re.fullmatch(r"answer_\d+", name):
                continue  # in the exercise and in its solution
            assert name not in bound, f"{name}: {bound[name]} and {cell.id}"
            bound[name] = cell.id


def test_parameters_are_the_full_run(notebook):
    values = {}
    exec(parameter_cell(notebook).source, values)
    for name, (full, *_) in FULL_RUN.items():
        assert values[name] == full, name
    assert not values["PRETRAINED"] and not values["RESUME"]
    assert values["OUTPUT"] == "."


def test_house_keeping_is_collapsed(notebook):
    (cell,) = [c for c in code_cells(notebook) if "dae.check_parameters(" in c.source]
    assert "hide-input" in cell.metadata.tags  # Jupyter Book, nbconvert, the PDF
    assert cell.metadata.jupyter.source_hidden  # JupyterLab


def prose(notebook):
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_headings_are_in_order_and_sections_end_with_what_to_take(notebook):
    text = prose(notebook)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.M)]
    assert levels[0] == 1
    for above, below in itertools.pairwise(levels):
        assert below <= above + 1
    sections = re.findall(r"^## (\d+)\.(.*?)(?=^##? )", text, flags=re.M | re.S)
    assert [int(number) for number, _ in sections] == list(range(23))
    for number, section in sections[1:-1]:
        assert section.count("What to take from it.") == 1, number
        assert "*Try it:*" in section, number
    assert "Keep the result" in sections[-1][1]


def test_predictions_are_asked_for_before_the_main_results(notebook):
    boxes = re.findall(r"^> \*\*Predict first\.\*\* .+\?$", prose(notebook), flags=re.M)
    assert len(boxes) >= 8


def test_recap_has_a_line_for_each_section(notebook):
    recap = prose(notebook).split("## Recap")[1].split("## Where")[0]
    lines = re.findall(r"^\| \[(\d+)\]\(#(\d+)\.-\S+\) \| .*<!--", recap, flags=re.M)
    assert [int(section) for section, _ in lines] == list(range(1, 22))
    assert all(section == linked for section, linked in lines)


def test_every_reference_is_cited_and_every_citation_is_listed(notebook):
    text, references = prose(notebook).split("## References")
    cited = {
        (name.split()[-1], year)
        for name, year in re.findall(
            r"((?:Le)?[A-Z][\w-]+)(?: et al\.| & [A-Z][\w-]+)? "
            r"\[?((?:19|20)\d\d)\]?",
            text,
        )
    }
    listed = set()
    for line in references.strip().split("\n- "):
        authors, year = re.match(r"(?:- )?(.+?) \((\d{4})\)\.", line).groups()
        listed.add((re.split(r",| and ", authors)[0].split()[-1], year))
        assert re.search(r"\]\(https://\S+\)", line) or "Miyasawa" in line, line
    assert cited == listed


def test_links_lead_somewhere(notebook):
    """To a heading, within the repository to a file that exists, else to https."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", prose(notebook), flags=re.M)
    anchors = {"#" + h.replace("*", "").replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\((\S+?)\)", prose(notebook)):
        if target.startswith("#"):
            assert target in anchors, target
    for target in re.findall(r"\]\(([^#\s]\S*?)\)", prose(notebook) + readme):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_contents_link_every_section(notebook):
    contents = notebook.cells[0].source
    for number in range(17):
        assert f"](#{number}.-" in contents, number


def test_shown_figures_are_the_saved_files_with_alt_text(notebook):
    shown = set()
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                (name,) = re.findall(r"figures/(\w+)\.png", cell.source)
                alt = output.metadata["image/png"]["alt"]
                assert len(alt) > 20, name
                content = (ROOT / f"figures/{name}.png").read_bytes()
                assert content == base64.b64decode(output.data["image/png"]), name
                shown.add(name)
    assert shown > {"original_vs_noisy", "training_loss", "denoising_results"}
    assert "latent_features" in shown
    assert len(shown) == sum(
        "dae.save_figure(" in c.source for c in code_cells(notebook)
    )


def test_each_figure_has_a_numbered_caption_below_it(notebook):
    captions = []
    for cell, below in itertools.pairwise(notebook.cells):
        is_drawn = cell.cell_type == "code" and "dae.save_figure(" in cell.source
        if is_drawn or cell.source.startswith("!["):  # or is a picture by its path
            number, text = re.match(
                r"\*\*Figure (\d+)\.\*\* (.{30,})$", below.source
            ).groups()
            captions.append(int(number))
            assert text.count(". ") >= 1 or text.endswith("."), below.id
    assert captions == list(range(1, len(captions) + 1))
    assert prose(notebook).count("**Figure ") == len(captions)


def test_exported_page_has_a_caption_below_each_picture(notebook):
    """In nbconvert's page; its classic template passes the alt texts on as well."""
    count = prose(notebook).count("**Figure ")
    for template in ("lab", "classic"):
        exporter = HTMLExporter(template_name=template)
        page, _ = exporter.from_notebook_node(notebook)
        met = re.findall(r"<img\b|<strong>Figure \d+\.", page)
        below = [f"<strong>Figure {number}." for number in range(1, count + 1)]
        parts = [part for caption in below for part in ("<img", caption)]
        assert met == ["<img", *parts]  # first, the result in the first screen
    assert len(re.findall(r'<img\b[^>]* alt="[^"]{20,}"', page)) == 1 + count


def test_figures_folder_holds_nothing_else(notebook):
    named = set(re.findall(r"figures/(\w+\.\w+)", str(notebook)))
    assert {path.name for path in (ROOT / "figures").iterdir()} == named


def test_shown_source_is_the_package_s(notebook):
    shown = [
        (re.findall(r"dae\.(?!show_source)([\w.]+)", cell.source), cell)
        for cell in code_cells(notebook)
        if "show_source" in cell.source
    ]
    assert {
        "add_gaussian_noise", "build_encoder", "build_decoder", "noisy_batches",
        "training_loop", "orthogonal",
    } <= {name for names, _ in shown for name in names}  # fmt: skip
    for names, cell in shown:
        functions = [operator.attrgetter(name)(dae) for name in names]
        expected = dae.show_source(*functions).data
        assert cell.outputs[0].data["text/markdown"] == expected
        assert '"""' not in expected


def test_names_in_the_text_are_names_in_the_code(notebook):
    """Such as `keep`: what the package or a cell no longer has is not spoken of."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    paths = (ROOT / "dae").rglob("*.py")
    code = [c.source for c in code_cells(notebook)]
    code += [path.read_text(encoding="utf-8") for path in paths]
    words = set(re.findall(r"\w+", "\n".join(code)))
    names = re.findall(r"`([A-Za-z_][\w.]*)", text)
    assert len(names) > 40
    assert {part for name in names for part in name.split(".")} <= words


def test_no_test_image_before_section_5(notebook):
    """x_test is cut to size and counted in section 1, and not used until section 5."""
    before = True
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## 5."):
            before = False
        if cell.cell_type == "code" and before and "load_mnist" not in cell.source:
            assert not re.search(r"[a-z]_test\b", cell.source), cell.id
    assert not before


def test_plotted_noise_is_the_noise_the_model_was_given(notebook):
    """One array, bound once, goes to the model, to the metrics and to the figure."""
    source = "\n".join(cell.source for cell in code_cells(notebook))
    assert len(re.findall(r"^noisy_test = ", source, flags=re.M)) == 1
    assert "denoised = dae.denoise(autoencoder, noisy_test)" in source
    assert '"noisy": noisy_test, "denoised": denoised' in source
    assert "encoder.predict(noisy_test" in source


def test_history_of_the_shipped_model_is_that_of_the_run(results):
    history = dae.load_checkpoint().history
    assert len(history["train_loss"]) == len(history["val_loss"]) == 50
    best = min(history["val_loss"])
    assert history["val_loss"].index(best) + 1 == results["training"]["best_epoch"]
    measured = results["training"]["validation"]["loss"]  # under noise of its own
    assert best == pytest.approx(measured, rel=0.005)


FITTING = {
    "train", "training_loop", "train_on_few", "train_on_batch", "short_run",
    "fine_tuned", "tune", "fit", "fit_probes", "with_curve",
    "fit_affine_denoiser", "tuned_filters",
    "compile", "compile_denoiser", "set_weights",
}  # fmt: skip


def test_no_fitting_step_sees_a_test_image(notebook):
    """No name that holds test images, or what is made of them, is given to a fit."""
    module = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    tainted = taint(module, {"x_test", "y_test"})
    assert {"x_sample", "noisy_test", "noisy_sample", "judged", "spoiled"} <= tainted
    functions = [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef)]
    seen = 0
    for scope in [module, *functions]:
        known = tainted
        if scope is not module:
            parameters = {a.arg for a in scope.args.args}
            known = taint(scope, tainted - parameters - assigned(scope))
        for node in own_nodes(scope):
            if isinstance(node, ast.Call) and called(node) in FITTING:
                parts = [*node.args, *(k.value for k in node.keywords)]
                given = set().union(*map(names_in, parts))
                assert not given & known, f"{ast.unparse(node)}: {given & known}"
                seen += 1
    assert seen > 20


def own_nodes(scope):
    """Everything in a scope that is not in a function defined in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def assignments(scope):
    for node in own_nodes(scope):
        if isinstance(node, ast.Assign):
            yield from bindings(node.targets[0], node.value)
        elif isinstance(node, ast.For):
            yield from bindings(node.target, node.iter)


def assigned(scope):
    return {name for name, _ in assignments(scope)}


def taint(scope, tainted):
    """Add the names that a scope makes of tainted ones."""
    while True:
        more = {n for n, value in assignments(scope) if tainted & names_in(value)}
        if more <= tainted:
            return tainted
        tainted = tainted | more


def bindings(target, value):
    """Pairs (name, expression) of an assignment, tuples taken apart."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its_value in zip(target.elts, value.elts, strict=True):
            yield from bindings(one, its_value)
    elif isinstance(target, ast.Tuple):
        for one in target.elts:
            yield from bindings(one, value)
    elif isinstance(target, ast.Subscript):
        yield from bindings(target.value, value)
    elif isinstance(target, ast.Name):
        yield target.id, value


def names_in(node):
    """Names that an expression takes from outside: not its own loop variables."""
    names = {node.id} if isinstance(node, ast.Name) else set()
    for child in ast.iter_child_nodes(node):
        names |= names_in(child)
    if isinstance(node, ast.Lambda):
        names -= {a.arg for a in node.args.args}
    for loop in getattr(node, "generators", []):
        names = names - names_in(loop.target) | names_in(loop.iter)
    return names


def called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", None))


def test_validation_images_choose_and_test_images_do_not(notebook):
    """The two choices of part II are scored on x_val, as their calls say."""
    source = {cell.id: cell.source for cell in code_cells(notebook)}
    assert "(noisy_val, x_val[:tune_size])" in source["filters"]
    chosen = "max(fits, key=lambda fit: fit.score(val_codes, y_val[:1_000]))"
    assert chosen in source["probe-fit"]
    val = '{"clean digits": x_val[:1_000], "noisy digits": corrupt(x_val[:1_000], rng)}'
    assert f"checked = {val}" in source["probe"]
    assert "fit_probes(encode(x_train[i]), y_train[i])" in source["probe"]
    assert "encode(checked[kind]), encode(judged[kind])" in source["probe"]
