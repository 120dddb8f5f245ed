"""The line of progress: what it says, and that it never misses the end of an epoch."""

import itertools
from types import SimpleNamespace

import dae.notebook
from dae.checkpoint import Training
from dae.notebook import LiveProgress


def stands(epochs, done, train=(), val=()):
    """A training that stands there, with these losses."""
    history = {"train_loss": list(train), "val_loss": list(val)}
    return Training({"epochs": epochs}, [], [], history, done)


def test_in_a_terminal_the_end_of_every_epoch_is_told(capsys):
    report = LiveProgress()
    for done in (0.5, 1, 1.5, 2):
        known = int(done)
        report(stands(2, done, [0.3, 0.1][:known], [0.4, 0.5][:known]))
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 2 of 2 (50%) · training 0.3000 · validation 0.4000")
    told = "training 0.1000 · validation 0.5000 · best 0.4000 in epoch 1 · done"
    assert last == f"epoch 2 of 2 (100%) · {told}"


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
