"""The line of progress: what it says, and that it never misses the end of an epoch."""

import itertools

import pytest

import dae.notebook
from dae.checkpoint import Training
from dae.notebook import LiveProgress, describe


def stands(epochs, done, train=(), val=()):
    """A training that stands there, with these losses."""
    history = {"train_loss": list(train), "val_loss": list(val)}
    return Training({"epochs": epochs}, [], [], history, done)


def test_every_epoch_is_told_however_short(capsys):
    report, train, val = LiveProgress(seconds_between=3600), [], []
    for epoch in range(3):
        report(stands(3, epoch + 0.5, train, val))
        train.append(0.3 - epoch / 10)
        val.append(0.4 - epoch / 10)
        report(stands(3, epoch + 1, train, val))
    lines = capsys.readouterr().out.splitlines()
    told = [line.split(" (")[0] for line in lines]
    assert told == ["epoch 2 of 3", "epoch 3 of 3", "epoch 3 of 3"]
    assert all("validation 0." in line for line in lines)
    assert lines[-1].endswith("best 0.2000 in epoch 3 · done")


class Handle:
    """What IPython gives for an output that can be renewed."""

    def update(self, data, raw, metadata):
        assert raw and list(data) == ["text/plain"] and metadata == {"progress": True}
        self.shown.append(data["text/plain"])


@pytest.fixture
def jupyter(monkeypatch):
    """A kernel, and a clock that is a second later at each look."""
    handle, clock = Handle(), itertools.count(100.0)
    handle.shown = []
    monkeypatch.setattr(dae.notebook.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(dae.notebook.InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(dae.notebook, "display", lambda *_, **__: handle)
    return handle


def test_in_jupyter_one_line_renews_itself_with_the_time_left(jupyter, capsys):
    report = LiveProgress(0)
    for step in range(4):
        report(stands(2, step / 8))
    assert jupyter.shown == [
        "epoch 1 of 2 (0%)",  # nothing is known of the pace
        "epoch 1 of 2 (6%) · 0 min 15 s left",  # an eighth of an epoch in 1 s
        "epoch 1 of 2 (12%) · 0 min 14 s left",
        "epoch 1 of 2 (19%) · 0 min 13 s left",
    ]
    assert capsys.readouterr().out == ""


def test_a_run_that_is_resumed_judges_its_pace_by_its_own_time(jupyter):
    report = LiveProgress(0)
    report(stands(4, 1.5, [0.3], [0.4]))
    report(
        stands(4, 1.99999, [0.3], [0.4])
    )  # half an epoch in 1 s; four times that is left
    assert "left" not in jupyter.shown[0]  # nothing is known of the pace
    assert jupyter.shown[-1].endswith("0 min 04 s left")


def test_between_the_ends_of_epochs_it_is_shown_now_and_then(jupyter):
    report = LiveProgress(3)
    for step in range(8):  # a second each
        report(stands(2, (step + 1) / 10))
    shown = [text.split("(")[1].split(")")[0] for text in jupyter.shown]
    assert shown == ["5%", "20%", "35%"]


def test_losses_are_the_last_ones_and_the_best_is_by_validation():
    losses = [0.5, 0.1, 0.2], [0.6, 0.3, 0.4]
    told = "training 0.2000 · validation 0.4000 · best 0.3000 in epoch 2"
    assert describe(stands(5, 3.5, *losses), None) == f"epoch 4 of 5 (70%) · {told}"
    for seconds, left in ((0.2, "0 min 00 s"), (125, "2 min 05 s")):
        line = f"epoch 4 of 4 (75%) · {told} · {left} left"
        assert describe(stands(4, 3, *losses), seconds) == line
    # the last step is done, the losses of the last epoch are not known
    assert describe(stands(4, 4, *losses), 1).endswith("0 min 01 s left")
