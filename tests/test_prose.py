"""What the text says is what the committed run, the benchmarks and the code gave."""

import copy
import inspect
import json
import re

import keras
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dae import train
from dae.publish import numbers, plan

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


def test_a_claim_has_its_sentence_and_can_call_nothing_else():
    text = "First. So **b** is 3<!-- results: a.b d -->.<!-- claim: a.b > 3 --> Next."
    assert [*numbers.claims_in(text)] == [("So **b** is 3.", "a.b > 3")]
    errors = {"a.d > 3": KeyError, "a.b >": SyntaxError, "open('x')": NameError}
    for claim, error in errors.items():
        with pytest.raises(error):
            numbers.holds(claim, MEASURED)


def texts(notebook):
    for path in ("README.md", "tests/benchmarks/README.md"):
        yield path, (ROOT / path).read_text(encoding="utf-8")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.id, cell.source


@pytest.fixture(scope="module")
def sources(results, notebook):
    benchmarks = (ROOT / "tests/benchmarks").glob("*.json")
    measured = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in benchmarks}
    return measured | {"results": results, "plan": plan.minutes(notebook)}


def test_all_claims_of_the_text_hold(notebook, sources):
    every = "\n\n".join(text for _, text in texts(notebook))
    claims = [*numbers.claims_in(every)]
    wrong = [pair for pair in claims if not numbers.holds(pair[1], sources)]
    assert not wrong and len(claims) > 50


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


# code, formulas, addresses, tables, guesses to choose from, and what is to be tried
NO_PROSE = (
    r"(?s:```.*?```|\$\$.*?\$\$)|`[^`\n]*`|\$[^$\n]*\$|\]\([^)]*\)|^[|>].*|\*Try it.*"
)
# noise levels that are set; definitions
GIVEN = r"\b0\.[25](?!\d| dB| %)|\b3 dB more|\b10 dB more|100 % of their|within 0\.2 dB"


def test_measured_numbers_carry_a_mark(notebook):
    """Before dB, %, times or points they are measured; so are the lesson's decimals."""
    for place, text in texts(notebook):
        readme = place.endswith(".md")
        if re.match("exercise|solution|references|notation", place):
            continue
        # what was noted by hand, and says so
        text = text.split("## What was learnt on the way")[0]
        text = numbers.COMMENT.sub("", numbers.MARK.sub("", text))
        text = re.sub(f"{NO_PROSE}|{GIVEN}", "", text, flags=re.MULTILINE)
        decimal = "" if readme else r"|\d\.\d+"
        found = re.findall(rf"\d[\d.,]*\**\s*(?:dB|%|times|points){decimal}", text)
        assert not found, f"{place}: {found}"


def test_batch_size_in_the_text_is_that_of_the_code(notebook):
    text = "\n".join(cell.source for cell in notebook.cells)
    batch_size = inspect.signature(train).parameters["batch_size"].default
    assert f"take {batch_size} images" in text
    assert f"(len(x_train) // {batch_size})" in text


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


SHOWN = {"text/markdown": "```python\ndef f(x):\n\n    return x\n```"}
SMALL_LESSON = [
    new_markdown_cell('<a id="part-1"></a>\n\n# Part I'),
    new_markdown_cell('<a id="first-one"></a>\n\n## 0. First\n\n' + "word " * 128),
    new_code_cell("a = [b for b in (1, 2)]", metadata={"tags": ["parameters"]}),
    new_code_cell("import os\n\ndef f(c):\n    return a + c\n%pwd\nd = e = 1"),
    new_markdown_cell('<a id="second"></a>\n\n## 1. It\n\n$$x$$\n\n**Figure 1.**'),
    new_code_cell("os.x(c, a)\ne = [d for c in f]"),
    new_code_cell("1", outputs=[new_output("display_data", data=SHOWN)]),
    new_markdown_cell("## Exercises\n\n**1 (★★). Do.** *Try it:* x<!-- a b c -->"),
    new_markdown_cell('<a id="plan"></a>\n\n## Plan\n\n| x | y | z |\n|---|--:|---|\n'),
    new_markdown_cell('# Part II\n\n<a id="third"></a>\n\n## 2. End'),
    new_code_cell("if 1:\n    from dae.start import *"),
    new_code_cell("g = d + e"),
    new_markdown_cell('<a id="fourth"></a>\n\n## 3. More'),
    new_code_cell("lambda x: e + g"),
]


def test_plan_has_minutes_and_needs_of_each_section(notebook):
    """By the rule that it states: 128 words and a title are a minute, and so on."""
    lesson = new_notebook(cells=copy.deepcopy(SMALL_LESSON))
    time = plan.minutes(lesson)
    assert time["first_one"]["text"] == pytest.approx(1, abs=0.02)
    assert time["first_one"]["code"] == pytest.approx(6 / 10)
    assert time["second"]["minutes"] == pytest.approx(1.5 + 3 / 10 + 2 / 12, abs=0.05)
    assert time["part_1"]["exercises"] == 10
    assert time["part_1"]["text"] == pytest.approx(1 + 1.5 + 1, abs=0.2)
    assert numbers.look_up(time, "second.code+part_1.exercises") > 10
    plan.renew(lesson)
    assert lesson.cells[8].source.endswith(
        "| x | y | z |\n|---|--:|---|\n| [0. First](#first-one) | 2 | none |\n"
        "| [1. It](#second) | 2 | [0](#first-one) |\n| [2. End](#third) | 0 | none |\n"
        "| [3. More](#fourth) | 0 | [2](#third) |\n"
    )
    committed = copy.deepcopy(notebook)
    plan.renew(committed)
    assert committed == notebook


@pytest.mark.parametrize("text", ["See [it](#nowhere).", '<a id="end"></a>\n\nTwice.'])
def test_a_link_to_nowhere_and_a_second_anchor_are_refused(text):
    cells = [new_markdown_cell(source) for source in TWO_SECTIONS]
    cells.append(new_markdown_cell(text, id="the-last"))
    with pytest.raises(ValueError, match="cell the-last"):
        numbers.renumber(new_notebook(cells=cells))
