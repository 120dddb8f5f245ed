"""The line of progress: what it says, and that it never misses the end of an epoch."""

import itertools
from types import SimpleNamespace

import dae.notebook
from dae.checkpoint import Training
from dae.notebook import LiveProgress, describe


def stands(epochs, done, train=(), val=()):
    """A training that stands there, with these losses."""
    history = {"train_loss": list(train), "val_loss": list(val)}
    return Training({"epochs": epochs}, [], [], history, done)


def test_in_a_terminal_the_end_of_every_epoch_is_told(capsys):
    report = LiveProgress()
    for done in (0.5, 1, 1.5, 2):
        known = int(done)
        report(stands(2, done, [0.3, 0.2][:known], [0.4, 0.3][:known]))
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 2 of 2 (50%) · training 0.3000 · validation 0.4000")
    assert last.endswith("best 0.3000 in epoch 2 · done")


def test_in_jupyter_one_line_renews_itself_with_the_time_left(monkeypatch, capsys):
    """The clock is a second later at each look; the run goes on in its second epoch."""
    shown, clock = [], itertools.count(100.0)
    handle = SimpleNamespace(update=lambda data, **_: shown.append(data["text/plain"]))
    monkeypatch.setattr(dae.notebook.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(dae.notebook.InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(dae.notebook, "display", lambda *_, **__: handle)
    report = LiveProgress()
    report.seconds_between = 2
    for eighth in range(9, 14):
        report(stands(2, eighth / 8, [0.3], [0.4]))
    told = [text.split(" · ")[0::4] for text in shown]
    assert told == [
        ["epoch 2 of 2 (56%)"],  # nothing is known of the pace
        ["epoch 2 of 2 (69%)", "0 min 05 s left"],  # an eighth of an epoch a second
        ["epoch 2 of 2 (81%)", "0 min 03 s left"],
    ]
    assert capsys.readouterr().out == ""


def test_losses_are_the_last_ones_and_the_best_is_by_validation():
    losses = [0.5, 0.1, 0.2], [0.6, 0.3, 0.4]
    told = "training 0.2000 · validation 0.4000 · best 0.3000 in epoch 2"
    assert describe(stands(5, 3.5, *losses), None) == f"epoch 4 of 5 (70%) · {told}"
    line = f"epoch 4 of 4 (75%) · {told} · 2 min 05 s left"
    assert describe(stands(4, 3, *losses), 125) == line
