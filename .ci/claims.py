"""Print each sentence that claims something, and under it what is tested of it.

A test proves the inequality, not the words: whether one says the other, a person sees.
Run it as ``PYTHONPATH=. python .ci/claims.py``.
"""

from itertools import groupby
from pathlib import Path

import nbformat

from dae.publish.numbers import claims_in

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    notebook = nbformat.read(*ROOT.glob("*.ipynb"), as_version=4)
    texts = {c.id: c.source for c in notebook.cells if c.cell_type == "markdown"}
    for name in ("README.md", "tests/benchmarks/README.md"):
        texts[name] = (ROOT / name).read_text(encoding="utf-8")
    for place, text in texts.items():
        for sentence, found in groupby(claims_in(text), key=lambda pair: pair[0]):
            print(f"{place}: {sentence}", *(claim for _, claim in found), sep="\n    ")
