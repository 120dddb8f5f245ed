"""Drive the lesson in a real browser: ``python .ci/browser.py [--app page]``.

Starts JupyterLab (or Notebook 7) on this machine only, opens a copy of the notebook
in headless Chromium, runs all cells in fast mode, moves the panel's slider, and checks
that the picture follows. With ``--app page``, opens the web edition from the disk, with
the network cut off: draws a digit, moves the slider, silences a map, and compares the
decibels with Keras's; with ``--axe axe.min.js`` (of npm's ``axe-core``) it looks for
barriers, too. Screenshots go to a folder, whose name it prints.

Needs ``pip install playwright`` and Chromium (Debian's ``chromium``), and takes a few
minutes; so it is no part of the default tests.
"""

import argparse
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
NAME = "denoising-autoencoder-tutorial.ipynb"
sys.path.insert(0, str(ROOT))

import dae  # noqa: E402
from dae.__main__ import FAST  # noqa: E402
from dae.publish.run import set_parameters  # noqa: E402

PAGES = {"lab": "lab/tree", "notebook": "notebooks"}
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .map(cell => cell.model.toJSON())"""
SCROLL = """id => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const index = notebook.widgets.findIndex(cell => cell.model.id === id);
    notebook.activeCellIndex = index;
    notebook.scrollToItem(index, 'center');
}"""

WATCH = """label => {
    window.moved = window.followed = null;
    const move = () => { window.moved = performance.now(); };
    document.addEventListener('pointermove', move, {capture: true, once: true});
    new MutationObserver((_, observer) => {
        window.followed = performance.now();
        observer.disconnect();
    }).observe(label, {childList: true, characterData: true, subtree: true});
}"""


# characters in the longest full line of a paragraph
LONGEST_LINE = """() => Math.max(...[...document.querySelectorAll('article > p')]
    .filter(p => p.textContent.length > 300 && !p.querySelector('math, code'))
    .map(p => {
        const range = document.createRange();
        range.selectNodeContents(p);
        const lines = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
        return p.textContent.length / (lines.size - 0.5);
    }))"""


def copy_for_a_fast_run(folder: Path) -> None:
    """Put package and notebook there, the notebook empty and with few images."""
    for name in ("dae", "tests/benchmarks"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "figures").mkdir()
    notebook = nbformat.read(ROOT / NAME, as_version=4)
    set_parameters(notebook, FAST | {"PRETRAINED": True})  # so that it denoises
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / NAME)


@contextmanager
def jupyter(app: str, folder: Path):
    """Run a server on the loopback address; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {
        f"JUPYTER_{name}_DIR": str(folder / f".jupyter-{name.lower()}")
        for name in ("CONFIG", "DATA", "RUNTIME")
    }
    command = [
        sys.executable, "-m", "jupyter", app, "--no-browser", "--allow-root",
        "--expose-app-in-browser", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        command, env={**os.environ, **places}, stdout=log, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(60):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            except OSError:
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def run_all(page: Page, minutes: float = 8) -> None:
    """Run all cells, wait for the last, and look for errors."""
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
    page.evaluate(
        """async () => {
            await window.jupyterapp.shell.currentWidget.sessionContext.ready;
            window.jupyterapp.commands.execute('notebook:run-all-cells');
        }"""
    )
    deadline = time.monotonic() + 60 * minutes
    while time.monotonic() < deadline:
        code = [c for c in page.evaluate(CELLS) if c["cell_type"] == "code"]
        outputs = [o for cell in code for o in cell["outputs"]]
        errors = [o for o in outputs if o["output_type"] == "error"]
        assert not errors, json.dumps(errors, indent=1)
        if all(cell["execution_count"] for cell in code):
            return
        time.sleep(2)
    raise TimeoutError(f"not all cells had run after {minutes} minutes")


def play(page: Page, shots: Path) -> None:
    """Move the slider, press the button, and see the pictures follow."""
    page.evaluate(SCROLL, "panel")
    panel = page.locator(".jp-OutputArea-output:has(.widget-slider)")
    expect(panel).to_be_visible(timeout=30_000)
    pictures, labels = panel.locator("img"), panel.locator(".widget-label")
    noisy = labels.filter(has_text="noisy:")
    expect(pictures).to_have_count(3)
    panel.screenshot(path=shots / "panel-before.png")
    before = [picture.screenshot() for picture in pictures.all()]

    box = panel.locator(".noUi-handle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    delays = []
    for step in range(1, 6):
        noisy.evaluate(WATCH)
        page.mouse.move(x - 10 * step, y)
        wait_until(page, "window.followed")
        delays.append(page.evaluate("window.followed - window.moved"))
    page.mouse.up()
    print(
        "from the mouse to the picture, in ms:", *(f"{delay:.0f}" for delay in delays)
    )
    page.wait_for_timeout(500)
    after = [picture.screenshot() for picture in pictures.all()]
    assert after[0] == before[0], "the original changed"
    assert after[1] != before[1], "the slider moved, the noisy picture did not change"
    assert after[2] != before[2], "the slider moved, the denoised one did not change"
    panel.screenshot(path=shots / "panel-after.png")

    panel.get_by_role("button", name="new noise").click()
    page.wait_for_timeout(500)
    assert pictures.nth(1).screenshot() != after[1], "no new noise"


def pixels(page: Page, canvas: str) -> np.ndarray:
    """Return what a canvas of the web edition shows, values in [0, 1]."""
    code = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    return np.array(page.locator(canvas).evaluate(code))[::4] / np.float32(255)


def decibels(page: Page) -> tuple[float, float]:
    """Return what the page says: of the noisy picture, and of the answer."""
    texts = [page.locator(f"#{n}-psnr").text_content() for n in ("noisy", "answer")]
    return tuple(float(text.removesuffix(" dB")) for text in texts)


trained = functools.cache(dae.load_denoiser)


def check_decibels(page: Page) -> None:
    """Compare the page's decibels with those of Keras on what its canvases show."""
    images = [pixels(page, f"#{n}").reshape(1, 28, 28, 1) for n in ("clean", "noisy")]
    answer = dae.denoise(trained(), images[1])
    expected = [dae.psnr(images[0], found)[0] for found in (images[1], answer)]
    assert np.abs(np.subtract(decibels(page), expected)).max() <= 0.06, expected


def draw(page: Page) -> float:
    """Draw a 7 with the mouse; return after how many ms the first answer was there."""
    page.locator("#said").evaluate(WATCH.replace("pointermove", "pointerdown"))
    box = page.locator("#field").bounding_box()
    at = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
    (x, y), *others = [
        (box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in at
    ]
    page.mouse.move(x, y)
    page.mouse.down()
    wait_until(page, "window.followed")
    for x, y in others:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.wait_for_timeout(100)
    return page.evaluate("window.followed - window.moved")


def use_page(page: Page) -> None:
    """Do on the web edition what its reader can do, and see the pictures follow."""
    check_decibels(page)
    before = pixels(page, "#answer")
    delay = draw(page)
    print(f"from the pen to the first answer: {delay:.0f} ms")
    assert delay < 100
    drawn = pixels(page, "#answer")
    assert np.abs(drawn - before).max() > 0.5 and pixels(page, "#clean").max() > 0.9
    check_decibels(page)

    said = page.locator("#said").text_content()
    page.locator("#level").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#said").text_content() != said
    assert "level 0.30" in page.locator("#said").text_content()
    assert np.abs(pixels(page, "#answer") - drawn).max() > 0.02
    check_decibels(page)
    kept = pixels(page, "#answer")
    silent = page.locator("#maps button").nth(5)
    silent.click()
    assert silent.get_attribute("aria-pressed") == "true"
    assert np.abs(pixels(page, "#answer") - kept).max() > 0.02
    silent.click()
    np.testing.assert_array_equal(pixels(page, "#answer"), kept)

    for corruption in ("salt and pepper", "masked pixels", "Gaussian noise"):
        page.locator("#corruption").select_option(corruption)
        check_decibels(page)
    noisy = pixels(page, "#noisy")
    page.get_by_role("button", name="new noise").click()
    assert (pixels(page, "#noisy") != noisy).any()
    page.get_by_role("button", name="empty the field").click()
    assert not pixels(page, "#clean").any()
    page.locator("#field").focus()
    page.keyboard.press(" ")  # the pen, by keyboard
    for key in ["ArrowDown"] * 5 + ["ArrowRight"] * 3:
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert pixels(page, "#clean").max() > 0.9
    page.locator("#digit").select_option("8")
    check_decibels(page)


def wait_until(page, condition: str) -> None:
    """Wait for a condition; the page's own policy allows no script to be evaluated."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(f"{condition} did not come true in 10 seconds")


def visit_page(browser, shots: Path, axe: Path | None) -> None:
    """Open the web edition at several widths, in light and dark, and use it."""
    for width in (360, 390, 768, 1280, 1600):
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                offline=True,
            )
            page, told = context.new_page(), []
            page.on("console", lambda message, told=told: told.append(message.text))
            page.on("pageerror", lambda error, told=told: told.append(str(error)))
            page.on("request", lambda request, told=told: told.append(request.url))
            page.goto((ROOT / NAME).with_suffix(".html").as_uri())
            page.wait_for_selector("#live-works:not([hidden])")
            if width == 1280:
                use_page(page)
            page.screenshot(path=shots / f"page-{width}-{scheme}.png")
            assert page.evaluate(LONGEST_LINE) <= 80
            root = "document.documentElement.scrollWidth"
            assert page.evaluate(root) <= width, "the page scrolls sideways"
            # the last one is about what this test reads
            known = ("data:", "file:", "Canvas2D: Multiple readback")
            asked = [text for text in told if not text.startswith(known)]
            assert not asked, asked
            if axe and width in (390, 1280):
                look_for_barriers(browser, width, scheme, axe)
            context.close()


def visit_without_script(browser) -> None:
    """Find the lesson there, and the note of what is missing."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((ROOT / NAME).with_suffix(".html").as_uri())
    expect(page.locator("#live-missing")).to_be_visible()
    expect(page.locator("#live-works")).to_be_hidden()
    expect(page.locator("#baselines")).to_be_visible()
    context.close()


def look_for_barriers(browser, width: int, scheme: str, axe: Path) -> None:
    """Let axe-core look at the page; its own script needs the policy out of the way."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto((ROOT / NAME).with_suffix(".html").as_uri())
    page.add_script_tag(path=axe)
    found = page.evaluate("axe.run()")["violations"]
    serious = [f for f in found if f["impact"] in ("serious", "critical")]
    told = [(f["id"], len(f["nodes"]), f["nodes"][0]["html"][:200]) for f in serious]
    print(f"axe-core, {width} px, {scheme}: {[f['id'] for f in found] or 'nothing'}")
    assert not serious, told
    context.close()


def main() -> None:
    """Run the whole visit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--app", choices=[*PAGES, "page"], default="lab")
    parser.add_argument("--axe", type=Path, help="axe.min.js, for the web edition")
    parser.add_argument("--shots", type=Path, help="folder for the screenshots")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    shots = options.shots or Path(tempfile.mkdtemp(prefix="dae-browser-"))
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"]
        )
        if options.app == "page":
            visit_without_script(browser)
            visit_page(browser, shots, options.axe)
            print(f"The page works; screenshots are in {shots}")
            return
        folder = Path(name)
        copy_for_a_fast_run(folder)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        with jupyter(options.app, folder) as address:
            page.goto(f"{address}/{PAGES[options.app]}/{NAME}", timeout=90_000)
            run_all(page)
            for question in page.get_by_role("button", name="No", exact=True).all():
                question.click()  # JupyterLab would like to send news
            play(page, shots)
            for cell in ("title", "train", "score-figure", "exercise-1"):
                page.evaluate(SCROLL, cell)
                page.wait_for_timeout(1000)
                page.screenshot(path=shots / f"{options.app}-{cell}.png")
            browser.close()
    print(f"The notebook runs in {options.app}; screenshots are in {shots}")


if __name__ == "__main__":
    main()
