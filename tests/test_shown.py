"""What the notebook shows and saves: source, tables, results, parameters."""

import ast
import inspect
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import dae
from dae.results import FULL_RUN

FULL = {name: value for name, (value, *_) in FULL_RUN.items()}
FULL |= {"PRETRAINED": False, "RESUME": False}


def test_source_is_shown_without_its_docstring():
    functions = dae.psnr, dae.save_figure
    shown = dae.show_source(*functions).data.removeprefix("```python\n")[:-4]
    for found, function in zip(ast.parse(shown).body, functions, strict=True):
        (own,) = ast.parse(inspect.getsource(function)).body
        del own.body[0]
        assert ast.dump(found) == ast.dump(own)
    assert shown.count("# ") == sum(inspect.getsource(f).count("# ") for f in functions)


def test_quiet_start_hides_messages_and_gives_the_stream_back(capfd):
    with dae.quiet_start():
        os.write(2, b"A")
    os.write(2, b"B")
    assert capfd.readouterr().err == "B"


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
    one = "| dB | value |\n| --- | ---: |\n| 0.5 | 1.3 |\n| b | – |"
    assert dae.show_table({0.5: 1.26, "b": "–"}, "dB", digits=1).data == one


def test_results_are_saved_whole_and_outlive_the_kernel(tmp_path):
    path, so_far = tmp_path / "figures/results.json", tmp_path / "runs/so_far.json"
    results = dae.Results(so_far)
    results["A, at most 60 (dB)"] = object()  # not for JSON: no reason to stop
    results["A, at most 60 (dB)"] = {0.5: dae.Interval(2.0, 1.5, 2.5), "n": np.int64(3)}
    results["section 4's − 1"] = [np.float32(0.5), (1, True)]
    interval = {"mean": 2.0, "low": 1.5, "high": 2.5}
    expected = {"a_at_most_60": {"0_5": interval, "n": 3}}
    expected["section_4_s_1"] = [0.5, [1, True]]
    assert json.loads(so_far.read_bytes()) == expected
    dae.save_results(results, path)
    for wrong in ({"a (1)": 1, "a (2)": 2}, {"a": math.nan}):
        with pytest.raises(ValueError, match=r"different keys|not JSON compliant"):
            dae.save_results(wrong, path)
    assert json.loads(path.read_bytes()) == expected and not so_far.exists()
    committed = (ROOT / "figures/results.json").read_text(encoding="utf-8")
    dae.save_results(json.loads(committed), path)
    assert path.read_text(encoding="utf-8") == committed


def test_files_of_other_settings_go_to_scratch():
    assert str(dae.output_folder(".", FULL | {"RESUME": True})) == "."
    for name in FULL.keys() - {"RESUME"}:
        other = FULL | {name: FULL[name] + 1}
        assert str(dae.output_folder(".", other)) == "scratch", name
        assert str(dae.output_folder("mine", other)) == "mine"
    assert str(dae.output_folder("~/mine", FULL)) == str(Path.home() / "mine")


RIGHT = [
    *({"EPOCHS": 1}, {"EPOCHS": 1_000}, {"SEED": 0}, {"SEED": 10**9}),
    *({"PRETRAINED": True, "SEED": 3}, {"TEST_SIZE": 300, "SAMPLE_SIZE": 300}),
]
WRONG = [  # the last one of each is not as it must be
    *({"EPOCHS": 0}, {"EPOCHS": 1_001}, {"TRAIN_SIZE": 55_001}),
    *({"SEED": -1}, {"SEED": 10**9 + 1}, {"TEST_SIZE": 300, "SAMPLE_SIZE": 301}),
    *({"SIGMA": 0.0}, {"RESUME": 0}, {"PRETRAINED": "false"}),
    *({"SIGMA": 0.2, "PRETRAINED": True}, {"CODE_CHANNELS": 4, "PRETRAINED": True}),
]


@pytest.mark.parametrize("changed", RIGHT + WRONG, ids=str)
def test_parameters_have_limits_and_fit_each_other(changed):
    parameters = FULL | changed
    if changed in RIGHT:
        del (kept := dict(parameters))["RESUME"]  # which does not change the outcome
        assert dae.check_parameters(**parameters) == kept
        return
    with pytest.raises((TypeError, ValueError), match=f"{[*changed][-1]} must be"):
        dae.check_parameters(**parameters)
