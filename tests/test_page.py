"""The web edition: one file, whose text, pictures and network are the notebook's."""

import base64
import hashlib
import json
import re
from collections import Counter

import html5lib
import keras
import numpy as np
import pytest
from conftest import READERS, ROOT, executed_notebook, shows
from nbformat.v4 import new_code_cell, new_markdown_cell
from py_mini_racer import MiniRacer

import dae
from dae.publish.edition import COMMENT, linked
from dae.publish.live import Live, check_layers, live_parts
from dae.publish.numbers import MARK
from dae.publish.page import build_page, to_page

PAGE = ROOT / "denoising-autoencoder-tutorial.html"
DATA = re.compile(r'<script type="application/json" id="live-data">(.*?)</script>')
NO_LIVE = Live("", "", "")


def parsed(text):
    """The page's elements, if it keeps to the standard."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(text)


def words(tree):
    """All text that a page shows, without its spaces."""
    if str(tree.tag).endswith(("script", "style", "annotation")):
        return "".join((tree.tail or "").split())
    parts = [tree.text or "", *map(words, tree), tree.tail or ""]
    return "".join("".join(parts).split())


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tree(page):
    return parsed(page)


@pytest.fixture(scope="module")
def text(tree):
    return words(tree)


@pytest.fixture(scope="module")
def live():
    return live_parts()


@pytest.fixture(scope="module")
def data(page):
    return json.loads(DATA.search(page)[1])


def markdown(notebook):
    return [c for c in notebook.cells if c.cell_type == "markdown"]


def numbers(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


# the text


def test_committed_page_is_the_notebook_s(notebook, page, live, data, tmp_path):
    again = to_page(notebook, live)
    if DATA.sub("", again) != DATA.sub("", page):  # another pandoc: the same words
        assert words(parsed(DATA.sub("", again))) == words(parsed(DATA.sub("", page)))
    renewed = json.loads(DATA.search(again)[1])
    for name in ("layers", "weights", "digits"):
        assert renewed[name] == data[name]
    means = [numbers(found["meanCode"], "<f2") for found in (renewed, data)]
    np.testing.assert_allclose(*means, atol=0.02)  # another processor
    build_page(notebook, tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == again


def test_headings_captions_code_and_tables_are_there(notebook, text):
    prose = "\n".join(COMMENT.sub("", c.source) for c in markdown(notebook))
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.M)
    captions = re.findall(r"^\*\*Figure .+$", prose, flags=re.M)
    assert len(headings) > 25 and len(captions) > 30
    for line in headings + captions:
        plain = re.sub(r"[*`]", "", line)
        if "$" not in plain:
            assert "".join(plain.split()) in text, line
    for cell in notebook.cells:
        if cell.cell_type != "code" or "hide-input" in cell.metadata.get("tags", []):
            continue
        if not cell.source.startswith("dae.show_source("):
            assert "".join(cell.source.split()) in text, cell.id
        for output in cell.outputs:
            shown = output.get("data", {}).get("text/markdown", "")
            if "```python" in shown:
                assert "".join(shown[10:-4].split()) in text, cell.id
            elif shown.startswith("|"):
                for row in shown.split("\n")[2:]:
                    assert re.sub(r"[|\s*`\\]", "", row) in text, row


def test_every_marked_number_is_there_with_the_words_around_it(notebook, text):
    checked = 0
    for cell in markdown(notebook):
        for mark in MARK.finditer(cell.source):
            after = COMMENT.sub("", cell.source[mark.end() :])[:12]
            if re.fullmatch(r"[\w ,.()%]+", after):
                assert "".join((mark["number"] + after).split()) in text, mark[0]
                checked += 1
    assert checked > 50


RAW = r"{=html} <!-- \frac ::: **What Notyet: ]{# [[SCRIPT [[STYLE [[COVER [[CAPTION [[LIVE $toc"


def test_nothing_raw(text):
    for debris in RAW.split():
        assert debris not in text, debris


# the file


def test_page_states_what_it_is_and_forbids_the_rest(page, tree):
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(tree.findall(".//h1")) == 1
    assert "Denoising autoencoders" in tree.find(".//title").text
    (policy,) = (
        e.get("content") for e in tree.iter("meta") if e.get("http-equiv") is not None
    )
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    (script,) = (e for e in tree.iter("script") if e.get("type") is None)
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert PAGE.stat().st_size < 5e6


def test_nothing_comes_from_elsewhere(page, tree):
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|import\(", page)
    for element in tree.iter():
        source = element.get("src") or "data:"
        assert source.startswith("data:"), source[:80]
        for name in element.attrib:
            assert not str(name).startswith("on"), name
    assert not list(tree.iter("link")) and not list(tree.iter("iframe"))


def test_links_lead_somewhere(tree):
    names = Counter(e.get("id") for e in tree.iter() if e.get("id"))
    assert not [name for name, count in names.items() if count > 1]
    targets = [a.get("href") for a in tree.iter("a") if a.get("href")]
    inside = [target[1:] for target in targets if target.startswith("#")]
    assert names.keys() >= set(inside)
    for name in ("Vincent-2008", "18.-What-a-pixel-looks-at-and-how-sure-it-is"):
        assert name in inside, name
    assert all(re.match("#|https://", target) for target in targets)


def test_every_picture_says_what_it_shows(notebook, tree):
    pictures = list(tree.iter("img"))
    captions = [c for c in markdown(notebook) if c.source.startswith("**Figure ")]
    assert len(pictures) == len(captions) + 1  # the main result, once more on top
    assert all(len(picture.get("alt")) > 20 for picture in pictures)
    figures = [e for e in tree.iter("figure") if e.find("img") is not None]
    with_caption = [f for f in figures if f.find("div[@class='caption']") is not None]
    assert len(with_caption) == len(captions)


@pytest.mark.parametrize("name", READERS)
def test_what_readers_add_is_shown(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    added, expected = READERS[name]
    notebook = executed_notebook()
    notebook.cells.append(added)
    tree = parsed(to_page(notebook, NO_LIVE))
    assert "Theabstract." in words(tree) and "epoch" not in words(tree)
    if isinstance(expected, str):
        assert "".join(expected.split()) in words(tree)
    else:
        assert len(list(tree.iter("img"))) == expected


def test_readers_script_does_not_run():
    """It is in the page, but the policy names another one."""
    notebook = executed_notebook()
    notebook.cells.append(new_markdown_cell("<script>alert(1)</script>"))
    assert "script-src 'sha256-" in to_page(notebook, NO_LIVE)


def test_what_cannot_be_shown_is_refused_by_name(tmp_path):
    notebook = executed_notebook()
    with pytest.raises(ValueError, match=r"must end in \.html, got .*a\.txt"):
        build_page(notebook, tmp_path / "a.txt")
    notebook.cells += [new_markdown_cell("Fine."), new_code_cell("later()")]
    with pytest.raises(ValueError, match=r"whose cell 4 \(later\(\)\) is not; python"):
        build_page(notebook, tmp_path / "a.html")
    notebook.cells[-1] = new_markdown_cell("![x](data:image/x;base64,AAAA)")
    with pytest.raises(ValueError, match=r"cell 4 \(!\[x\].* cannot be shown in the"):
        build_page(notebook, tmp_path / "a.html")
    notebook.cells[-1] = shows("image/png", base64.b64encode(b"no picture").decode())
    with pytest.raises(
        ValueError, match=r"cell 4 \(pass\) cannot be shown in the page"
    ):
        build_page(notebook, tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match=r"no\.keras: there is no such model"):
        build_page(executed_notebook(), tmp_path / "a.html", tmp_path / "no.keras")
    assert not list(tmp_path.iterdir())


# the network


@pytest.fixture(scope="module")
def browser(data):
    """The page's own JavaScript, with the page's own weights; no browser around it."""
    engine = MiniRacer()
    engine.eval((ROOT / "dae/publish/network.js").read_text(encoding="utf-8"))
    halves = numbers(data["weights"], "<u2").tolist()
    engine.eval(f"const table = {json.dumps(data['layers'])}")
    engine.eval(f"const weights = fromHalves(Uint16Array.from({halves}))")
    engine.eval("const layers = readLayers(weights, table)")
    return engine


def run(engine, expression, image=None):
    """Evaluate an expression in which `image` is an array of numbers."""
    if image is not None:
        row = json.dumps(np.ravel(image).tolist())
        engine.eval(f"var image = Float32Array.from({row})")
    return np.array(
        json.loads(engine.eval(f"JSON.stringify(Array.from({expression}))"))
    )


def test_page_computes_what_keras_computes(browser, mnist, rng):
    clean = mnist[2][0][1000:1050]
    noisy = dae.add_gaussian_noise(clean, rng, level=0.5)
    expected = dae.denoise(dae.load_denoiser(), noisy)
    found = [run(browser, "decode(encode(image, layers), layers)", x) for x in noisy]
    found = np.reshape(found, clean.shape)
    np.testing.assert_allclose(found, expected, atol=5e-3)  # weights of 16 bits
    ours, page_s = dae.psnr(clean, expected).mean(), dae.psnr(clean, found).mean()
    assert abs(ours - page_s) < 0.01
    code = run(browser, "encode(image, layers)", noisy[0])
    encoder = dae.load_denoiser().get_layer("encoder")
    np.testing.assert_allclose(code, encoder(noisy[:1]).numpy().ravel(), atol=0.02)


def test_numbers_of_sixteen_bits_are_read(browser):
    values = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 6.1e-5, 1 / 3], np.float16)
    found = run(browser, f"fromHalves(Uint16Array.from({values.view('<u2').tolist()}))")
    np.testing.assert_array_equal(found, values.astype(float))


def test_page_measures_and_spoils_as_the_lesson_does(browser, mnist):
    image = mnist[2][0][0]
    browser.eval(f"const clean = Float32Array.from({image.ravel().tolist()})")
    for kind in ("Gaussian noise", "salt and pepper", "masked pixels"):
        noisy = [
            run(browser, f"corrupt(clean, '{kind}', 0.3, {seed})") for seed in range(40)
        ]
        noisy = np.reshape(noisy, (40, 28, 28, 1)).astype(np.float32)
        assert noisy.min() >= 0 and noisy.max() <= 1
        rng = np.random.default_rng(0)
        spoil = {
            "Gaussian noise": dae.add_gaussian_noise,
            "salt and pepper": dae.add_salt_and_pepper,
            "masked pixels": dae.mask_pixels,
        }[kind]
        many = np.repeat(image[None], 40, axis=0)
        expected = dae.psnr(many, spoil(many, rng, level=0.3)).mean()
        assert abs(dae.psnr(many, noisy).mean() - expected) < 0.15, kind
        found = float(browser.eval(f"psnr(clean, corrupt(clean, '{kind}', 0.3, 7))"))
        same = run(browser, f"corrupt(clean, '{kind}', 0.3, 7)")
        mse = np.mean((same - image.ravel()) ** 2)
        assert found == pytest.approx(10 * np.log10(1 / mse), abs=1e-3)
    np.testing.assert_array_equal(
        run(browser, "corrupt(clean, 'Gaussian noise', 0, 1)"), image.ravel()
    )
    assert browser.eval("psnr(clean, clean) === Infinity")


def test_silenced_map_says_its_mean(browser):
    code = np.arange(392.0)
    silenced = "[0, 0, 1, 0, 0, 0, 0, 0]"
    found = run(
        browser, f"silence(image, {silenced}, new Float32Array(392).fill(-1))", code
    )
    expected = code.reshape(49, 8)
    expected[:, 2] = -1
    np.testing.assert_array_equal(found, expected.ravel())


@pytest.mark.parametrize("length", [40, 120])
def test_drawing_gets_the_form_of_mnist(browser, length):
    """Its centre of mass in the middle, 20 pixels long, as bright as it was drawn."""
    ink = np.zeros((280, 280), np.float32)
    ink[100 : 100 + length, 30:40] = 1
    ink[100:110, 30 : 30 + length // 2] = 1  # a corner
    found = run(browser, "recentre(image, 280)", ink).reshape(28, 28)
    v, h = np.mgrid[:28, :28] + 0.5
    assert abs((found * v).sum() / found.sum() - 14) < 0.1
    assert abs((found * h).sum() / found.sum() - 14) < 0.1
    rows = np.flatnonzero(found.sum(axis=1) > 0.01)
    assert 20 <= np.ptp(rows) + 1 <= 21  # between two pixels, it touches one more
    assert found.max() == 1
    assert found.sum() == pytest.approx(ink.sum() * (20 / length) ** 2, rel=0.03)
    assert not run(browser, "recentre(image, 280)", 0 * ink).any()


def test_digits_are_the_first_ten_test_digits_of_each_kind(data, mnist):
    images, labels = mnist[2]
    digits = numbers(data["digits"], np.uint8).reshape(10, 10, 28, 28)
    for digit in (0, 3, 9):
        expected = 255 * images[labels == digit][:10, ..., 0]
        np.testing.assert_array_equal(digits[digit], np.round(expected))


@pytest.mark.parametrize("change", [{"code_channels": 4}, {"channels": 32}])
def test_page_and_model_cannot_drift_apart(tmp_path, change):
    encoder, decoder = dae.build_encoder(**change), dae.build_decoder(**change)
    model = dae.build_autoencoder(encoder, decoder)
    with pytest.raises(ValueError, match=r"network\.js computes.*change both together"):
        check_layers(model)
    images = keras.Input((28, 28, 1))
    flat = keras.Model(images, keras.layers.Dense(1)(images))
    dae.save_denoiser(flat, tmp_path / "flat.keras")
    with pytest.raises(ValueError, match=r"network\.js computes"):
        live_parts(tmp_path / "flat.keras")


# what both editions share

# ruff: noqa: E501
TEXT = """## 7. Fair baselines

See [there](#7.-Fair-baselines), [nowhere](#else), section 7 and `section 7`, Figure 2.
It is shown [Li & He 2025], by Vincent et al. [2008], [Robbins 1956, Li & He 2025];
and [Nobody 1999], section 99 and $[0, 1]$ stay. See [section 7](https://a.org).

**[Figure 2.]{#Figure-2}** A caption.

- T. Li and K. He (2025). Back. *X*.
- H. Robbins (1956). Bayes. *Y*.
- P. Vincent, H. Larochelle (2008). Robust. *Z*.
"""


def test_sections_figures_and_citations_become_links():
    expected = """## 7. Fair baselines {#7.-Fair-baselines}

See [there](#7.-Fair-baselines), [nowhere]{}, [section 7](#7.-Fair-baselines) and \
`section 7`, [Figure 2](#Figure-2).
It is shown \\[[Li & He 2025](#Li-2025)\\], by Vincent et al. \\[[2008](#Vincent-2008)\\], \
\\[[Robbins 1956](#Robbins-1956), [Li & He 2025](#Li-2025)\\];
and [Nobody 1999], section 99 and $[0, 1]$ stay. See [section 7](https://a.org).

**[Figure 2.]{#Figure-2}** A caption.

- [T. Li and K. He (2025).]{#Li-2025} Back. *X*.
- [H. Robbins (1956).]{#Robbins-1956} Bayes. *Y*.
- [P. Vincent, H. Larochelle (2008).]{#Vincent-2008} Robust. *Z*.
"""
    assert linked(TEXT) == expected
