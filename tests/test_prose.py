"""What the text says is what the committed run, the benchmarks and the code gave."""

import inspect
import json
import re

import keras
import pytest
from conftest import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook

from dae import build_encoder, compile_denoiser, train
from dae.publish import numbers

SAMPLE = "from 9.4<!-- results: a.b .1f --> to **20.97 dB**, 3<!-- results: n d -->"
MEASURED = {
    "results": {"a": {"b": -3.0, "c": {"mean": 2, "low": 1, "high": 4}}, "n": 1},
    "other": {"100": {"x": 5}, "list": [1, 2]},
}


def test_update_writes_the_value_in_the_given_format():
    sources = {"results": {"a": {"b": -12.345}, "n": 1234}}
    expected = SAMPLE.replace("9.4<", "\N{MINUS SIGN}12.3<").replace(", 3<", ", 1234<")
    assert numbers.update_numbers(SAMPLE, sources) == expected
    assert numbers.update_numbers(expected, sources) == expected
    stars = "**1,000**<!-- results: n , -->"
    assert numbers.update_numbers(stars, sources) == "**1,234**<!-- results: n , -->"
    assert (
        numbers.update_numbers(expected, {"results": {"a": {"b": 9.4}, "n": 3}})
        == SAMPLE
    )
    with pytest.raises(KeyError, match=r"a\.b: there is no 'b'"):
        numbers.update_numbers(SAMPLE, {"results": {"a": {}, "n": 1}})


def test_claims_are_judged_by_the_results():
    for claim, verdict in {
        "a.b < a.c.low": True,
        "a.c == 2 and abs(a.b) == 3": True,  # an interval is its mean
        "max(results:a) == 2 and sorted(results:a)[0] == -3": True,
        "1 < other:100.x / a.c < 2.5": False,
        "other:list == [2, 1]": False,
    }.items():
        assert numbers.holds(claim, MEASURED) is verdict, claim


def test_a_wrong_claim_or_key_is_told_with_its_sentence():
    text = "First. So **b** is 3<!-- results: a.b d --> at least. {} Next.\n\nLast."
    reasons = {"a.b > 3": "is not true", "a.d > 3": "there is no 'd'"}
    reasons |= {"a.b >": "syntax", "open('x')": "not defined"}
    for claim, reason in reasons.items():
        (told,) = numbers.wrong_claims(
            text.format(f"<!-- claim: {claim} -->"), MEASURED
        )
        sentence, rest = told.split("\n")
        assert sentence == "So **b** is 3 at least."
        assert claim in rest and reason in rest


def texts(notebook):
    for path in ("README.md", "tests/benchmarks/README.md"):
        yield path, (ROOT / path).read_text(encoding="utf-8")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.id, cell.source


@pytest.fixture(scope="module")
def sources(results):
    benchmarks = (ROOT / "tests/benchmarks").glob("*.json")
    measured = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in benchmarks}
    return measured | {"results": results}


def test_all_claims_of_the_text_hold(notebook, sources):
    every = "\n\n".join(text for _, text in texts(notebook))
    wrong = numbers.wrong_claims(every, sources)
    assert not wrong, "\n".join(wrong)
    assert len([*numbers.claims_in(every)]) > 100


def test_marked_numbers_are_the_measured_ones(notebook, sources):
    for place, text in texts(notebook):
        marks = [*numbers.MARK.finditer(text)]
        comments = text.count("<!--") - len(numbers.CLAIM.findall(text))
        assert len(marks) == comments, f"{place}: a mark without a number"
        for mark in marks:
            value = numbers.look_up(sources[mark["source"]], mark["key"])
            printed = mark["number"].replace(",", "").replace("\N{MINUS SIGN}", "-")
            digits = len(printed.partition(".")[2])
            assert float(printed) == round(value, digits), f"{place}: {mark[0]}"


def test_measured_units_carry_a_mark(notebook):
    """A number before dB, %, times or a named ratio is a result: it needs its mark."""
    # definitions, not measurements; the guesses to choose from
    allowed = {"3 dB more", "3 dB or more", "10 dB more", "50 %, 90 % or 99 %"}
    for place, text in texts(notebook):
        if place.startswith("tests"):  # what was noted by hand, and says so
            text = text.split("## What was learnt on the way")[0]
        for phrase in allowed:
            text = text.replace(phrase, "")
        found = re.findall(r"\d[\d.,]*\**\s*(?:dB|%|times)", text)
        assert not found, f"{place}: {found}"


def test_numbers_that_the_code_decides_are_those_in_the_text(notebook):
    text = {cell.id: cell.source for cell in notebook.cells}
    batch_size = inspect.signature(train).parameters["batch_size"].default
    rate = inspect.signature(compile_denoiser).parameters["learning_rate"].default
    steps = {str(55_000 // batch_size), str(batch_size)}
    assert steps <= set(re.findall(r"\d+", text["train-text"]))
    assert f"rises to {rate} " in text["loss-choice"]
    rest = 64 + 18_512 + 65 * 16  # biases, the residual block, the painting layer
    weights = [build_encoder(c).count_params() + 64 * c + rest for c in (1, 64)]
    low, high = (round(weight, -3) // 1000 for weight in weights)
    assert f"{low} to {high} thousand weights" in text["network-codes-text"]


def test_plain_network_is_the_one_of_the_benchmark(notebook, monkeypatch):
    """Its layers, as the notebook's cell makes them."""
    monkeypatch.syspath_prepend(str(ROOT / "tests/benchmarks"))
    import common

    source = {cell.id: cell.source for cell in notebook.cells}["plain-model"]
    exec(source, names := {"keras": keras, "layers": keras.layers, "SEED": 0})
    ours, theirs = (
        [(type(layer), layer.get_config() | {"name": ""}) for layer in model.layers]
        for model in (names["build_plain"](), common.build_plain())
    )
    assert ours == theirs and len(ours) == 5


TWO_SECTIONS = [
    "[1. The *noise*](#noise), [the end](#end)",
    '<a id="start"></a>\n\n## 0. Start\n\nAs in [section 1](#noise) and [1](#noise).',
    '<a id="noise"></a>\n\n## 1. The *noise*\n\nSee [Figure 1](#loss).\n\n## 2. More',
    '<a id="loss"></a>\n\n**Figure 1.** In [Section 0](#start).',
    '<a id="end"></a>\n\n## End\n\nIn 2 sections.',
]


def numbered(sources):
    made = new_notebook(cells=[new_markdown_cell(source) for source in sources])
    numbers.renumber(made)
    return [cell.source for cell in made.cells]


def test_sections_figures_and_links_are_numbered_in_their_order(notebook):
    assert numbered(TWO_SECTIONS) == TWO_SECTIONS
    contents, start, noise, loss, end = TWO_SECTIONS
    assert numbered([contents, noise, "**Figure 9.** New.", loss, start, end]) == [
        "[0. The *noise*](#noise), [the end](#end)",
        noise.replace("1.", "0.").replace("Figure 1", "Figure 2").replace("2.", "1."),
        "**Figure 1.** New.",
        loss.replace("Figure 1", "Figure 2").replace("Section 0", "Section 2"),
        start.replace("0.", "2.").replace("1](", "0]("),
        end,
    ]
    committed = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    assert numbered(committed) == committed


@pytest.mark.parametrize("text", ["See [it](#nowhere).", '<a id="end"></a>\n\nTwice.'])
def test_a_link_to_nowhere_and_a_second_anchor_are_refused(text):
    cells = [new_markdown_cell(source) for source in TWO_SECTIONS]
    cells.append(new_markdown_cell(text, id="the-last"))
    with pytest.raises(ValueError, match="cell the-last"):
        numbers.renumber(new_notebook(cells=cells))
