"""The line of progress: what it says, and that it never misses the end of an epoch."""

import pytest

from dae.progress import LiveProgress, describe


def test_every_epoch_is_told_however_short(capsys):
    report = LiveProgress(seconds_between=3600)
    history = {"train_loss": [], "val_loss": []}
    for epoch in range(3):
        report(3, epoch + 0.5, history)
        report(3, epoch + 1, history)  # the last step; the losses are not known yet
        history["train_loss"].append(0.3 - epoch / 10)
        history["val_loss"].append(0.4 - epoch / 10)
        report(3, epoch + 1, history)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "epoch 2 of 3",
        "epoch 3 of 3",
        "epoch 3 of 3",
    ]
    assert all("validation 0." in line for line in lines)
    assert lines[-1].endswith("best 0.2000 in epoch 3 · done")


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.2, "0 min 00 s left"), (125, "2 min 05 s left")]
)
def test_time_left_is_in_minutes_and_seconds(seconds, written):
    history = {"train_loss": [0.2], "val_loss": [0.25]}
    assert describe(4, 1, history, seconds) == (
        "epoch 2 of 4 (25%) · training 0.2000 · validation 0.2500 · "
        f"best 0.2500 in epoch 1 · {written}"
    )
