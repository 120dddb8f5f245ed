"""What the notebook shows and saves: tables, results, figures, and where they go."""

import json
import math

import numpy as np
import pytest
from conftest import run_python
from matplotlib.figure import Figure
from PIL import Image

import dae
from dae.notebook import describe_figure
from dae.results import FULL_RUN, key_of

FULL = {name: value for name, (value, *_) in FULL_RUN.items()}
FULL |= {"PRETRAINED": False, "RESUME": False, "OUTPUT": "."}


@pytest.fixture
def parameters(monkeypatch, tmp_path):
    """Those of the full run, as a notebook holds them, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dae.results._variables", {})
    return dict(FULL)


def test_source_is_shown_without_its_docstring():
    assert dae.show_source(key_of).data == (
        "```python\ndef key_of(name: object) -> str:\n"
        '    words = re.sub(r"\\(.*?\\)", "", str(name)).lower()\n'
        '    return re.sub(r"\\W+", "_", words).strip("_")\n```'
    )
    long = dae.show_source(dae.psnr).data
    assert long.startswith("```python\ndef psnr(") and '"""' not in long
    assert "return -10 * np.log10(mse(clean, restored))" in long
    both = dae.show_source(key_of, dae.psnr).data
    assert both == dae.show_source(key_of).data[:-4] + "\n\n\n" + long[10:]


def test_quiet_start_hides_messages_and_gives_the_stream_back():
    code = (
        "import os, dae\nwith dae.quiet_start(): os.write(2, b'A')\nos.write(2, b'B')"
    )
    assert run_python("-c", code)[1] == "B"


def test_interval_formats_its_three_numbers_alike():
    assert f"{dae.Interval(17.72, 17.6, 17.849):.1f}" == "17.7 [17.6, 17.8]"


def test_table_shows_each_kind_of_cell():
    rows = {
        "a|b": {"n": 12345, "value": -0.256, "range": dae.Interval(1, -2.345, 3)},
        "two\nlines": {"n": np.int64(7), "shape": (28, 28), "value": np.float32(0.5)},
        -3: {"n": True, "value": "-1", "range": "–", "shape": "k-9 (-2) 3-4 .-5"},
    }
    assert dae.show_table(rows, "name", digits={"value": 1}).data.split("\n") == [
        "| name | n | value | range | shape |",
        "| --- | ---: | ---: | ---: | --- |",
        r"| a\|b | 12,345 | −0.3 | 1.00 [−2.35, 3.00] |  |",
        "| two lines | 7 | 0.5 |  | (28, 28) |",
        "| −3 | 1 | −1 | – | k-9 (−2) 3-4 .-5 |",
    ]


def test_table_with_one_column():
    assert dae.show_table({"a": 1.26, "b": "–"}, value="dB", digits=1).data == (
        "|  | dB |\n| --- | ---: |\n| a | 1.3 |\n| b | – |"
    )
    with pytest.raises(ValueError, match="rows must hold at least one row"):
        dae.show_table({})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("median (3)", "median"),
        ("PSNR, at most 60 (dB)", "psnr_at_most_60"),
        (0.5, "0_5"),
        ("network − affine, paired", "network_affine_paired"),
        ("section 4's code", "section_4_s_code"),
    ],
)
def test_names_become_keys(name, key):
    assert key_of(name) == key


def test_results_are_saved_as_json(parameters, tmp_path):
    results = dae.begin(parameters)
    results["PSNR (dB)"] = {0.5: dae.Interval(2.0, 1.5, 2.5), "n": np.int64(3)}
    results["list"] = [np.float32(0.5), (1, True)]
    dae.save_results(results)
    text = (tmp_path / "figures/results.json").read_text()
    assert json.loads(text) == {
        "settings": {
            "epochs": 50,
            "sigma": 0.5,
            "seed": 0,
            "training_images": 55_000,
            "validation_images": 5_000,
            "test_images": 10_000,
        },
        "psnr": {"0_5": {"mean": 2.0, "low": 1.5, "high": 2.5}, "n": 3},
        "list": [0.5, [1, True]],
    }
    assert not list((tmp_path / "runs").iterdir())  # no copy of results so far is left
    for wrong, told in (
        ({"a (1)": 1, "a (2)": 2}, "names must become different keys"),
        ({"a": math.nan}, "not JSON compliant"),
    ):
        with pytest.raises(ValueError, match=told):
            dae.save_results(wrong)
    assert (tmp_path / "figures/results.json").read_text() == text


def test_results_so_far_outlive_the_kernel(parameters, tmp_path):
    results, so_far = dae.begin(parameters), tmp_path / "runs/results_so_far.json"
    results["first"] = {"psnr": 1.5}
    results["first"] |= {"mse": 0.5}
    results["odd"] = object()  # which JSON cannot hold: no reason to stop
    assert json.loads(so_far.read_text())["first"] == {"psnr": 1.5, "mse": 0.5}
    parameters["SIGMA"] = 0.3
    results["odd"] = 2
    assert (
        json.loads((tmp_path / "scratch/runs/results_so_far.json").read_text())["odd"]
        == 2
    )


def test_files_go_where_the_parameters_say_when_they_are_saved(parameters, tmp_path):
    assert str(dae.output_path("figures/a.png")) == "figures/a.png"  # before any run
    dae.begin(parameters)
    assert str(dae.output_path("figures/a.png")) == "figures/a.png"
    assert dae.output_path(tmp_path / "a.png") == tmp_path / "a.png"
    for name in set(FULL) - {"RESUME", "OUTPUT"}:
        parameters[name] = FULL[name] + 1
        assert str(dae.output_path("a.png")) == "scratch/a.png", name
        parameters[name] = FULL[name]
        assert str(dae.output_path("a.png")) == "a.png"
    # before the training, while it is stopped or left out, and after it
    losses = {"train_loss": [0.1] * 50, "val_loss": [0.1] * 50}
    for names, full in (
        ({"history": None}, False),
        ({"history": losses}, True),
        ({"history": losses, "denoised": 0}, True),
        ({"denoised": 0}, False),
        ({"history": {"val_loss": [0.1] * 49}}, False),
    ):
        dae.begin(parameters | names)
        assert str(dae.output_path("a.png")) == ("a.png" if full else "scratch/a.png")
    dae.begin(parameters)
    parameters |= {"OUTPUT": "mine", "SIGMA": 0.3}
    assert str(dae.output_path("a.png")) == "mine/a.png"


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("EPOCHS", 1, 1_000),
        ("DIGIT", 0, 9_999),
        ("SAMPLE_SIZE", 100, 10_000),
    ],
)
def test_parameters_have_limits(parameters, name, lowest, highest):
    for value in (lowest, highest):
        dae.begin(parameters | {name: value})
    for value in (lowest - 1, highest + 1):
        with pytest.raises(ValueError, match=f"{name} must be"):
            dae.begin(parameters | {name: value})
    with pytest.raises(TypeError, match=f"{name} must be a whole number"):
        dae.begin(parameters | {name: "9"})


def test_parameters_must_fit_each_other(parameters):
    small = {"TEST_SIZE": 300, "SAMPLE_SIZE": 300, "DIGIT": 299}
    dae.begin(parameters | small)
    for name in ("SAMPLE_SIZE", "DIGIT"):
        with pytest.raises(ValueError, match=f"{name} must be from"):
            dae.begin(parameters | small | {name: small[name] + 1})
    dae.begin(parameters | {"PRETRAINED": True, "SEED": 3})
    for other in ({"SIGMA": 0.2}, {"CODE_CHANNELS": 4}):
        with pytest.raises(ValueError, match="PRETRAINED must be False"):
            dae.begin(parameters | {"PRETRAINED": True} | other)
    with pytest.raises(ValueError, match=r"SIGMA must be from 0\.01 to 10, got 0\.0"):
        dae.begin(parameters | {"SIGMA": 0.0})


def test_a_figure_without_words_of_its_own_is_described():
    rows = dict.fromkeys(("clean", "two\nlines"), np.zeros((3, 4, 4, 1)))
    told = describe_figure(dae.plot_image_rows(rows))
    assert told == "Rows of 3 pictures: clean; two lines."
    curves = {panel: {"a": [1, 2], "b": [2, 1]} for panel in ("left", "right")}
    told = describe_figure(dae.plot_curves(curves, [0.5, 1], ("level", "PSNR in dB")))
    assert told == "Chart. left: PSNR in dB over level (a; b). right: level (a; b)."


def test_alt_text_is_what_is_given_or_the_figure_s_own(tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2], label="curve")
    for label, alt, expected in (
        ("", "", "Chart.  (curve)."),
        ("Its own.", "", "Its own."),
        ("Its own.", "Given.", "Given."),
    ):
        figure.set_label(label)
        image = dae.save_figure(figure, tmp_path / "a.png", alt)
        assert image.metadata["alt"] == expected
        assert Image.open(tmp_path / "a.png").text["Description"] == expected
