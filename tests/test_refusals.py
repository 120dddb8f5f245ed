"""What is wrong is refused by its name: by the package itself, before any work.

The first table goes from the name of an argument to wrong values. Every public function
that has such an argument is tried, so a new one is covered without a line here.
"""

import inspect
import warnings
from functools import partial

import keras
import numpy as np
import pytest
from conftest import ROOT, compiled, small_model

import dae
from dae import Interval, baselines

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(0).random((12, 28, 28, 1), np.float32)
POINTS = np.array([[0.0, 0], [1, 2], [2, 1]])
MODEL = compiled()
WEIGHTS = MODEL.get_weights()
STATE = dae.Training({"epochs": 1}, WEIGHTS, [])
TO = Interval(2, 1, 3)


def never(*_):
    raise AssertionError("work has begun before all arguments were checked")


def with_one(value):
    return np.where(X.max() == X, value, X)


NO_IMAGES = [None, X[0], X[:0], X[:, :0], *map(with_one, (NAN, INF, -1e-3, 1.001))]
NO_IMAGES += [(X * 255).astype(np.uint8), X > 0.5, X.tolist()]
NO_LEVEL = [-0.1, NAN, INF, "0.5", None, 1j, np.full(7, 0.5)]
NO_COUNT = [0, -1, 2.5, None, "4"]
NO_TABLE = [None, POINTS.astype(int), POINTS.astype("f2"), POINTS[0], POINTS * NAN]
TABLES = NO_TABLE, POINTS

# An argument of all functions, or of one; its wrong values, and a right one
ARGUMENTS = {
    **dict.fromkeys(("images", "noisy", "clean", "restored"), (NO_IMAGES, X)),
    "val_images": (NO_IMAGES[:2], X[:4]),
    "evaluate.noisy": ([None, X[0], X[:1]], X),  # unclipped noise is right
    **dict.fromkeys(("posterior_mean.noisy", "posterior_mean.data"), TABLES),
    "local_posterior_mean.noisy": ([None, X[0], X[:0], X * NAN], X),
    "data": ([None, X[0], X[:0], X[:, 1:], X * NAN], X),
    "level": (NO_LEVEL, 0.5),
    **dict.fromkeys(("width", "weight", "strength"), (NO_LEVEL, 1)),
    **dict.fromkeys(("sigma", "learning_rate", "temperature"), ([*NO_LEVEL, 0], 0.5)),
    "rng": ([0, None, np.random], np.random.default_rng(0)),
    **dict.fromkeys(("epochs", "batch_size", "total_steps"), (NO_COUNT, 4)),
    "seed": ([-1, 2.5, None], 0),
    "side": ([0, 2, 3.0, "3"], 3),
    "values": ([[1j], ["a"], [[1.0]], [], [NAN], [INF]], [1, 2]),
    "short_run.start": ([255, "network"], None),
    "start": ([255, -0.1, 1.1, NAN, [0.5], np.full((28, 28), 0.5)], 0.5),
    "known": ([X[0, 0, :, 0], X[0] + 1, X[0] + INF], X[0]),
    "h0": ([0, -0.1, 1.1, NAN], 0.01),
    "beta": ([0, -0.1, 1.1, NAN], 0.01),
    "model": ([None, "a.keras", keras.Sequential()], MODEL),
    "denoisers": ([[], ()], [never]),
    "state": ([{}, "a.npz"], STATE),
    "path": (["", ".", "/"], "a.png"),
    "write_picture.picture": ([None, X[0], X, X[:1].repeat(2, axis=-1)], X[:1]),
    "build_unet.channels": ([0, 2.5, None, "3"], 3),
    "results": ([], {}),
}
UNCHECKED = {  # Python's own error says as much, or no number can become wrong
    *("generate.rng", "noisy_batches.rng", "noisy_batches.images"),
    *("posterior_mean.values", "posterior_mean.batch_size"),
    *("compile_denoiser.model", "Muon.learning_rate", "save_checkpoint.state"),
}


def about(function, name):
    default = ARGUMENTS.get(name, ([], never))
    return ARGUMENTS.get(f"{function.__name__}.{name}", default)


def begin(call):
    result = call()
    if hasattr(result, "__enter__"):
        result.__enter__()
    elif inspect.isgenerator(result):
        next(result)


def refused(call, name):
    """Make sure that the package itself, without a warning, refuses an argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError), match=name) as caught:
            begin(call)
    assert caught.traceback[-1].path.parent == ROOT / "dae", caught.getrepr()
    assert "must" in str(caught.value)


PUBLIC = [getattr(dae, name) for name in dae.__all__ if not name.startswith("plot")]
OWN = [f for f in vars(baselines).values() if inspect.isfunction(f)]
OWN = [f for f in OWN if f.__module__ == baselines.__name__]
CASES = [
    pytest.param(function, name, id=f"{function.__name__}.{name}")
    for function in [*filter(callable, PUBLIC), *OWN]
    for name in inspect.signature(function).parameters
    if about(function, name)[0] and f"{function.__name__}.{name}" not in UNCHECKED
]


@pytest.mark.parametrize(("function", "name"), CASES)
def test_wrong_values_are_refused_by_the_argument_s_name(function, name):
    parameters = inspect.signature(function).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty or p.name in ARGUMENTS]
    right = {other: about(function, other)[1] for other in needed}
    for wrong in about(function, name)[0]:
        call = partial(function, **right | {name: wrong})
        refused(call, rf"(^| and ){name}( and .*)? must")
    np.testing.assert_equal(MODEL.get_weights(), WEIGHTS)


# --- arguments that are wrong together, or whose names say nothing of them


def other(last=1, bias=0):
    """A network of another form, or with a bias that spoils its answers."""
    dense = keras.layers.Dense(last, bias_initializer=keras.initializers.Constant(bias))
    return keras.Sequential([keras.Input((28, 28, 1)), dense])


def loop(**changes):
    options = {"model": MODEL, "images": X, "val_images": X[:4], "corrupt": never}
    return dae.training_loop(**options | {"epochs": 1, "batch_size": 4} | changes)


def generate(restore=never, count=2, **options):
    return dae.generate(restore, count, np.random.default_rng(0), **options)


def curves(x, y, **options):
    return dae.plot_curves({"a": {"c": (x, y)}}, "xy", **options)


ROW = X[:2]
TOGETHER = [
    ("clean and restored", lambda: dae.psnr(X, X[:1])),
    ("noisy and clean", lambda: baselines.fit_affine_denoiser(X, X[:1])),
    ("noisy and data", lambda: dae.posterior_mean(POINTS, POINTS[:, :1], 0.5)),
    ("level", lambda: dae.mask_pixels(X, np.random.default_rng(0), level=1.01)),
    ("known", lambda: generate(known=np.full((3, 28, 28, 1), NAN))),
    (r"images and restore\(images\)", lambda: generate(lambda x: x[:1], sigma_end=9)),
    ("decoder", lambda: dae.build_autoencoder(None, dae.build_decoder(4))),
    ("path", lambda: dae.save_denoiser(MODEL, "a.h5")),
    ("images", lambda: dae.denoise(MODEL, X[:, ::2])),
    ("images and what model gives", lambda: dae.denoise(other(last=3), X)),
    ("what model gives", lambda: dae.denoise(other(bias=NAN), X)),
    ("model", lambda: loop(model=other(last=3))),
    ("model", lambda: loop(model=small_model())),  # not compiled
    ("images", lambda: loop(images=X[:3])),
    (r"images\[0\] and val_images\[0\]", lambda: loop(images=X[:, ::2])),
    ("val_images and corrupt", lambda: loop(corrupt=lambda x, rng: x[:1])),
    ("rows", lambda: dae.plot_image_rows({"a": ROW + 1})),
    ("rows", lambda: dae.plot_image_rows({"a": ROW.repeat(2, axis=-1)})),
    (r"rows\['a'\] and rows", lambda: dae.plot_image_rows({"a": ROW, "b": ROW[:1]})),
    ("history", lambda: dae.plot_history({"train_loss": [1], "val_loss": [NAN]})),
    ("values", lambda: dae.plot_matrix([[1], [2]], "a", "bc", "xyz")),
    ("ladders", lambda: dae.plot_ladder({"a": {"m": TO}, "b": {"n": TO}}, "dB")),
    ("ladders", lambda: dae.plot_ladder({"a": {"m": Interval(3, 1, 2)}}, "dB")),
    ("highlight", lambda: dae.plot_ladder({"a": {"m": TO}}, "dB", highlight="b")),
    ("panels", lambda: dae.plot_curves({"a": {"c": ([1], [1])}, "b": {}}, "xy")),
    (
        "panels",
        lambda: dae.plot_curves({"": {f"PCA {k}": ([1], [1]) for k in range(5)}}, "xy"),
    ),
    ("curve 'c'", lambda: dae.plot_curves({"": {"c": [1, 2, 3]}}, "xy")),
    ("y of curve 'c'", lambda: curves([1, 2], [1, INF])),
    ("x of curve 'c'", lambda: curves([2, 1], [1, 2])),
    ("x of curve 'c'", lambda: curves([0, 1], [1, 2], log=True)),
]


@pytest.mark.parametrize(("name", "call"), TOGETHER)
def test_what_does_not_fit_together_is_refused(name, call):
    refused(call, f"(^| and ){name}.* must")
