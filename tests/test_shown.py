"""What the notebook shows and saves: tables, results, figures, and where they go."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import run_python
from matplotlib.figure import Figure
from PIL import Image

import dae
from dae.notebook import describe_figure
from dae.results import FULL_RUN, key_of

FULL = {name: value for name, (value, *_) in FULL_RUN.items()}
FULL |= {"PRETRAINED": False, "RESUME": False}


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


def test_results_are_saved_as_json(tmp_path):
    path, so_far = tmp_path / "figures/results.json", tmp_path / "runs/so_far.json"
    results = dae.Results(so_far)
    results["PSNR (dB)"] = {0.5: dae.Interval(2.0, 1.5, 2.5), "n": np.int64(3)}
    results["list"] = [np.float32(0.5), (1, True)]
    assert so_far.exists()
    dae.save_results(results, path)
    text = path.read_text()
    assert json.loads(text) == {
        "psnr": {"0_5": {"mean": 2.0, "low": 1.5, "high": 2.5}, "n": 3},
        "list": [0.5, [1, True]],
    }
    assert not so_far.exists()
    for wrong, told in (
        ({"a (1)": 1, "a (2)": 2}, "names must become different keys"),
        ({"a": math.nan}, "not JSON compliant"),
    ):
        with pytest.raises(ValueError, match=told):
            dae.save_results(wrong, path)
    assert path.read_text() == text


def test_results_so_far_outlive_the_kernel(tmp_path):
    so_far = tmp_path / "runs/so_far.json"
    results = dae.Results(so_far)
    results["first"] = {"psnr": 1.5}
    results["first"] |= {"mse": 0.5}
    results["odd"] = object()  # which JSON cannot hold: no reason to stop
    assert json.loads(so_far.read_text())["first"] == {"psnr": 1.5, "mse": 0.5}
    results["odd"] = 2
    assert json.loads(so_far.read_text())["odd"] == 2


def test_files_of_other_settings_go_to_scratch():
    assert str(dae.output_folder(".", FULL)) == "."
    assert str(dae.output_folder(".", FULL | {"RESUME": True})) == "."
    for name in set(FULL) - {"RESUME"}:
        other = FULL | {name: FULL[name] + 1}
        assert str(dae.output_folder(".", other)) == "scratch", name
        assert str(dae.output_folder("mine", other)) == "mine"
    assert str(dae.output_folder("~/mine", FULL)) == str(Path.home() / "mine")


@pytest.mark.parametrize("name", ["PRETRAINED", "RESUME"])
@pytest.mark.parametrize("wrong", ["false", "", 0, None])
def test_truth_values_are_no_texts(name, wrong):
    with pytest.raises(TypeError, match=f"{name} must be True or False"):
        dae.check_parameters(**FULL | {name: wrong})


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("EPOCHS", 1, 1_000),
        ("TRAIN_SIZE", 1_200, 55_000),
        ("SEED", 0, 1_000_000_000),
        ("DIGIT", 0, 9_999),
        ("SAMPLE_SIZE", 100, 10_000),
    ],
)
def test_parameters_have_limits(name, lowest, highest):
    for value in (lowest, highest):
        dae.check_parameters(**FULL | {name: value})
    for value in (lowest - 1, highest + 1):
        with pytest.raises(ValueError, match=f"{name} must be"):
            dae.check_parameters(**FULL | {name: value})
    with pytest.raises(TypeError, match=f"{name} must be a whole number"):
        dae.check_parameters(**FULL | {name: "9"})


def test_parameters_must_fit_each_other():
    small = {"TEST_SIZE": 300, "SAMPLE_SIZE": 300, "DIGIT": 299}
    dae.check_parameters(**FULL | small)
    for name in ("SAMPLE_SIZE", "DIGIT"):
        with pytest.raises(ValueError, match=f"{name} must be from"):
            dae.check_parameters(**FULL | small | {name: small[name] + 1})
    dae.check_parameters(**FULL | {"PRETRAINED": True, "SEED": 3})
    for other in ({"SIGMA": 0.2}, {"CODE_CHANNELS": 4}):
        with pytest.raises(ValueError, match="PRETRAINED must be False"):
            dae.check_parameters(**FULL | {"PRETRAINED": True} | other)
    with pytest.raises(ValueError, match=r"SIGMA must be from 0\.01 to 10, got 0\.0"):
        dae.check_parameters(**FULL | {"SIGMA": 0.0})


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
