"""Drive the notebook in a real browser: ``python tests/browser.py [--app notebook]``.

Starts JupyterLab (or Notebook 7) on this machine only, opens a copy of the notebook
in headless Chromium, runs all cells in fast mode, moves the panel's slider, and checks
that the picture follows. Screenshots go to a folder, whose name it prints.

Needs ``pip install playwright`` and Chromium (Debian's ``chromium``), and takes a few
minutes; so it is no part of the default tests.
"""

import argparse
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
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
NAME = "denoising-autoencoder-tutorial.ipynb"
sys.path.insert(0, str(ROOT))

from dae.__main__ import FAST  # noqa: E402
from dae.press.run import set_parameters  # noqa: E402

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


def copy_for_a_fast_run(folder: Path) -> None:
    """Put package and notebook there, the notebook empty and with few images."""
    for name in ("dae", "tests/benchmarks"):  # section 17 draws what these measured
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
        page.wait_for_function("window.followed")
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


def main() -> None:
    """Run the whole visit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--app", choices=PAGES, default="lab")
    parser.add_argument("--shots", type=Path, help="folder for the screenshots")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    shots = options.shots or Path(tempfile.mkdtemp(prefix="dae-browser-"))
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        copy_for_a_fast_run(folder)
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"]
        )
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
