"""Every number in the text is one that the committed run produced."""

import inspect
import json
import re

import pytest
from conftest import ROOT

from dae import compile_denoiser
from dae.prose import MARK, look_up, update_numbers

SAMPLE = "from 9.4<!-- results: a.b .1f --> to **20.97 dB**, 3<!-- results: n d -->"


def test_update_writes_the_value_in_the_given_format():
    sources = {"results": {"a": {"b": -12.345}, "n": 1234}}
    expected = SAMPLE.replace("9.4<", "-12.3<").replace(", 3<", ", 1234<")
    assert update_numbers(SAMPLE, sources) == expected
    assert update_numbers(expected, sources) == expected
    stars = "**1,000**<!-- results: n , -->"
    assert update_numbers(stars, sources) == "**1,234**<!-- results: n , -->"


def test_update_names_what_is_missing():
    with pytest.raises(KeyError, match=r"a\.b: there is no 'b'"):
        update_numbers(SAMPLE, {"results": {"a": {}, "n": 1}})
    with pytest.raises(KeyError, match="results"):
        update_numbers(SAMPLE, {})


def texts(notebook):
    yield "README.md", (ROOT / "README.md").read_text(encoding="utf-8")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.id, cell.source


@pytest.fixture(scope="module")
def sources(results):
    benchmarks = (ROOT / "tests/benchmarks").glob("*.json")
    return {"results": results} | {
        p.stem: json.loads(p.read_text()) for p in benchmarks
    }


def test_marked_numbers_are_the_measured_ones(notebook, sources):
    count = 0
    for place, text in texts(notebook):
        marks = list(MARK.finditer(text))
        assert len(marks) == text.count("<!-- "), f"{place}: a mark without a number"
        for mark in marks:
            value = look_up(sources[mark["source"]], mark["key"])
            printed = mark["number"].replace(",", "")
            digits = len(printed.partition(".")[2])
            assert float(printed) == round(value, digits), f"{place}: {mark[0]}"
            count += 1
    assert count > 20


def test_measured_units_carry_a_mark(notebook):
    """A number before dB, %, times or a named ratio is a result: it needs its mark."""
    allowed = {
        # definitions, not measurements
        "3 dB more", "10 dB more",
        # the guesses to choose from
        "50 %, 90 % or 99 %",
    }  # fmt: skip
    for place, text in texts(notebook):
        for phrase in allowed:
            text = text.replace(phrase, "")
        found = re.findall(r"\d[\d.,]*\**\s*(?:dB|%|times)", text)
        assert not found, f"{place}: {found}"


def test_judgements_hold(results, sources):
    """What the text says in words, section by section."""
    noise, test, code = results["noise"], results["test"], results["code"]
    for level in noise.values():
        assert abs(level["black_clipped"] - level["theory"]) < 0.01
        assert abs(level["black_free"]) < 0.001
    # 3: most weights are in the dense layer
    assert results["model"]["weights"] / 2 < 392 * 784 + 784
    # 4: the loss was chosen by measurement, and there is no overfitting to see
    choices = sources["choices"]
    for stuck in (choices["mse"], choices["mse_002"]):
        assert abs(stuck["psnr"] - results["test"]["black"]["psnr"]) < 0.5
    assert choices["bce"]["psnr"] > choices["rate_002"]["psnr"]
    rates = inspect.signature(compile_denoiser).parameters["learning_rate"]
    assert rates.default == 0.008
    assert 0 < results["training"]["gap_percent"] < 5
    # 5: a black image beats the noisy one, the denoised one beats both
    assert test["noisy"]["psnr"] < test["black"]["psnr"] < test["denoised"]["psnr"]
    assert test["denoised"]["ssim"] > test["noisy"]["ssim"]
    # README: what limits at low noise
    low = {name: value["mse"] for name, value in sources["low_noise"].items()
           if isinstance(value, dict) and "mse" in value}  # fmt: skip
    gain = {name: 1 - low[name] / low["default"] for name in low}
    assert 0 < gain["large_code"] < 0.05
    assert gain["large_code"] < gain["wide"] < 0.1
    assert gain["with_skips"] > 2 * gain["wide"]
    # README: faster and better than the recipe
    recipe = sources["recipe"]
    assert recipe["seconds_ratio"] < 0.4
    assert (
        recipe["equal_epochs"]["recipe"]["psnr"]
        < recipe["equal_epochs"]["ours"]["psnr"]
    )
    # 6: the code keeps less of the noise than the pixels do, but keeps some
    assert 0.1 < code["trained_ratio"] < code["untrained_ratio"] < 1
    assert code["trained_ratio"] < 0.7 * code["pixels_ratio"]
    assert code["dead_maps"] == 0
