"""The committed notebook: executed in order, whole, clean, and what it says it is."""

import ast
import base64
import re

from conftest import ROOT

import dae
from dae.run import parameter_cell

FIGURES = (
    "original_vs_noisy",
    "training_loss",
    "denoising_results",
    "latent_features",
    "baseline_ladder",
    "objective_matters",
    "noise_sweep",
    "corruption_matrix",
    "bottleneck",
    "linear_probe",
    "failures",
)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_executed_in_one_go(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_errors_and_nothing_printed(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.output_type != "stream", cell.id


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
        for name in names - {"rows", "rng", "header"}:  # used within a cell
            assert name not in bound, f"{name}: {bound[name]} and {cell.id}"
            bound[name] = cell.id


def test_parameters_are_the_full_run(notebook):
    values, full = {}, {}
    exec(parameter_cell(notebook).source, values)
    (setup,) = [c for c in code_cells(notebook) if "is_full_run" in c.source]
    exec(setup.source.split("folder =")[0], values, full)
    assert full["is_full_run"]
    assert values["OUTPUT"] == "."
    assert values["EPOCHS"] == 50


def test_headings_are_in_order_and_sections_end_with_what_to_take(notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    headings = re.findall(r"^## (\d+)\.", text, flags=re.M)
    assert headings == [str(i) for i in range(len(headings))]
    *sections, last, _ = re.split(r"^## ", text, flags=re.M)[2:]
    assert "Keep the result" in last
    for section in sections:
        assert section.count("What to take from it.") == 1, section[:40]
        assert "*Try it:*" in section, section[:40]


def test_shown_figures_are_the_saved_files_with_alt_text(notebook):
    shown = {}
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 40
                (name,) = re.findall(r"figures/(\w+)\.png", cell.source)
                shown[name] = base64.b64decode(output.data["image/png"])
    assert set(FIGURES) <= set(shown)
    for name, content in shown.items():
        assert (ROOT / "figures" / f"{name}.png").read_bytes() == content, name


def test_figures_folder_holds_nothing_else(notebook):
    named = set(re.findall(r"figures/(\w+\.\w+)", str(notebook)))
    assert {path.name for path in (ROOT / "figures").iterdir()} == named


def test_shown_source_is_the_package_s(notebook):
    shown = [
        (re.findall(r"dae\.show_source\(dae\.(\w+)\)", cell.source), cell)
        for cell in code_cells(notebook)
        if "show_source" in cell.source
    ]
    names = {name for (name,), _ in shown}
    assert {
        "add_gaussian_noise", "build_encoder", "build_decoder", "noisy_batches",
    } <= names  # fmt: skip
    for (name,), cell in shown:
        expected = dae.show_source(getattr(dae, name)).data
        assert cell.outputs[0].data["text/markdown"] == expected
        assert '"""' not in expected


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


def test_the_table_of_section_5_agrees_with_the_results(notebook, results):
    (table,) = [c for c in code_cells(notebook) if c.id == "test-table"]
    lines = table.outputs[0].data["text/markdown"].splitlines()[2:]
    for line in lines:
        name, *values = [part.strip() for part in line.strip("|").split("|")]
        expected = results["test"][name]
        digits = {"mse": 5, "psnr": 2, "ssim": 3}
        rounded = [round(expected[key], n) for key, n in digits.items()]
        assert [float(value) for value in values] == rounded


def test_history_of_the_shipped_model_is_that_of_the_run(results):
    history = dae.load_history()
    assert len(history["train_loss"]) == len(history["val_loss"]) == 50
    best = min(history["val_loss"])
    assert history["val_loss"].index(best) + 1 == results["training"]["best_epoch"]
    assert best == results["training"]["val_loss"]


FITTING = {
    "train", "train_on", "train_epoch", "short_run", "fine_tuned", "tune", "fit",
    "fit_probe", "fit_affine_correction", "fit_affine_denoiser", "pairs_of",
    "tuned_filters", "compile", "compile_denoiser", "set_weights",
}  # fmt: skip


def test_no_fitting_step_sees_a_test_image(notebook):
    """No name that holds test images, or what is made of them, is given to a fit."""
    module = ast.parse("\n".join(cell.source for cell in code_cells(notebook)))
    tainted = taint(module, {"x_test", "y_test"})
    assert {"x_few", "noisy_test", "noisy_few", "judged", "spoiled"} <= tainted
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
    for _ in range(5):
        tainted = tainted | {
            name for name, value in assignments(scope) if tainted & names_in(value)
        }
    return tainted


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
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", None))


def test_validation_images_choose_and_test_images_do_not(notebook):
    """The two choices of part II are scored on x_val, as their calls say."""
    source = {cell.id: cell.source for cell in code_cells(notebook)}
    assert "noisy_val, x_val[:few_val]" in source["filters"]
    assert "key=lambda fit: fit.score(val_codes, val_classes)" in source["probe-fit"]
    assert "kinds_of(x_val[:1_000], 1)" in source["probe"]
    assert "y_val[:1_000])" in source["probe"]
