"""Charts of measurements: numbers in, Matplotlib figure out.

All are 6.5 inches wide, with text of 10 points. Curves are named on the right, in the
order in which they end. A name has one colour in all charts; dashes and marks tell
names apart in grey print, and to colour-blind readers.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from dae._checks import check_numbers, refuse
from dae.metrics import Interval
from dae.plotting import BLUE, ORANGE, WIDTH, break_lines, in_own_style

GREEN, PURPLE, BROWN = "#009E73", "#CC79A7", "#7B5B3A"
PALE_ORANGE, PALE_GREEN = "#E69F00", "#66C2A5"
DASHES = ("-", "--", "-.", ":")
LOOKS = {  # how a name begins: its colour, dash and mark; the first that fits counts
    "our network": (ORANGE, "-", "s"),
    "network, denoising": (ORANGE, "-", "s"),
    "network, plain": (PALE_ORANGE, "--", "P"),
    "trained at 0.5": (ORANGE, "-", "s"),
    "trained at 0.2": (PALE_ORANGE, "--", "P"),
    "blind": ("#7F2704", "-.", "X"),
    "level estimated": ("#332288", ":", "D"),
    "fresh noise": (ORANGE, "-", "s"),
    "frozen noise": (PALE_ORANGE, "--", "P"),
    "affine denoiser + curve": (GREEN, "-", "^"),
    "affine through": ("#00573F", "-.", ">"),
    "affine, fitted at 0.5": (GREEN, "-", "^"),
    "affine": (PALE_GREEN, "--", "<"),
    "memory": (BROWN, "-", "d"),
    "PCA": (PURPLE, "-", "v"),
    "Gaussian blur + curve": (BLUE, "-", "o"),
    "Gaussian blur": ("#5E8FB8", "--", "o"),
    "total variation": ("#56B4E9", "-.", "h"),
    "non-local means": ("#003F6B", ":", "p"),
    "noisy input": ("0.55", "-", "o"),
    "all black": ("0.2", "--", "o"),
    "mean digit": ("0.7", "-.", "o"),
    "lowest possible": ("0.4", "-", "o"),
    "training": ("#882255", "--", "^"),
    "validation": ("black", "-", "o"),
}
FREE = ("#999933", "-", "*"), ("#9970C8", "--", "H"), ("#B0B0E0", "-.", "8")  # others


@in_own_style
def plot_history(
    history: Mapping[str, Sequence[float]], floor: float | None = None
) -> Figure:
    """Draw training and validation loss over the epochs, and mark the best epoch.

    Parameters
    ----------
    history : mapping with ``train_loss`` and ``val_loss``
        One value an epoch, as `train` returns them.
    floor : float, optional
        The lowest loss that is possible, as a grey line.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If the two are empty, not of equal length, or not finite numbers.
    """
    for name in ("train_loss", "val_loss"):
        check_numbers(history[name], f"history[{name!r}]", (None,))
    epochs = np.arange(1, len(history["val_loss"]) + 1)
    losses = {"training": history["train_loss"], "validation": history["val_loss"]}
    if floor is not None:
        losses["lowest possible"] = np.full(len(epochs), floor)
    curves = {name: (epochs, loss) for name, loss in losses.items()}
    figure = plot_curves({"": curves}, ("epoch", "binary cross-entropy per pixel"))
    best = int(np.argmin(history["val_loss"]))
    place, axis = (epochs[best], history["val_loss"][best]), figure.axes[0]
    axis.plot(*place, "k*", ms=11, label="best")
    side = "left" if best < len(epochs) / 2 else "right"
    text = f"best: {place[1]:.4f} in epoch {place[0]}"
    look = {"ha": side, "va": "top", "textcoords": "offset points"}
    axis.annotate(text, place, (0, -8), **look)
    return figure


@in_own_style
def plot_ladder(
    ladders: Mapping[str, Mapping[str, Interval]],
    label: str,
    highlight: str | None = None,
) -> Figure:
    """Draw means with their intervals, one below the other.

    Parameters
    ----------
    ladders : mapping of str to mapping of str to Interval
        For each panel's title the methods, the same in each. The best one of the last
        panel is drawn on top.
    label : str
        What is measured, and its unit.
    highlight : str, optional
        The method with its name in bold.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their methods, an Interval is not
        finite or out of order, or `highlight` is not one of the methods.
    """
    methods = _check_names(ladders, "ladders", highlight)
    intervals = [[ladder[name] for name in methods] for ladder in ladders.values()]
    intervals = check_numbers(intervals, "ladders", (None, None, 3)).astype(float)
    rising = intervals[:, :, [1, 0, 2]]
    if not np.allclose(rising, np.sort(rising)):  # but for rounding
        refuse("ladders", "hold Intervals around their means", intervals.tolist())
    order = np.argsort(-intervals[-1, :, 0], kind="stable")
    methods = [methods[k] for k in order]
    figure, axes = _make_panels(0.22 * len(methods) + 1.1, ladders, label, sharex=True)
    for axis, ladder in zip(axes, intervals[:, order], strict=True):
        _draw_ladder(axis, dict(zip(methods, ladder, strict=True)))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.margins(x=0.12 * len(axes))  # room for the numbers
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].invert_yaxis()
    if highlight is not None:
        axes[0].get_yticklabels()[methods.index(highlight)].set_weight("bold")
    return figure


@in_own_style
def plot_curves(
    panels: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
    labels: tuple[str, str],
    *,
    log: bool = False,
    band: tuple[str, float, float] | None = None,
    highlight: str | None = None,
) -> Figure:
    """Draw curves, in one panel or in several side by side with one scale.

    Parameters
    ----------
    panels : mapping of str to mapping of str to tuple (x, y)
        For each panel's title, the curves by name; the same names in each. The `x` of
        a curve rises, and is above 0 if `log`; `y` has a number or an Interval for
        each. If all of `y` are equal, it is a level: a thin line without marks.
    labels : tuple of two str
        What is on the two axes, with units.
    log : bool
        Whether the horizontal axis is logarithmic; then its ticks are at the `x`.
    band : tuple (name, from, to), optional
        Part of the horizontal axis to shade, and what to call it.
    highlight : str, optional
        The curve to draw as a thick line, with its name in bold.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, panels differ in their curves, there are more
        than can be told apart, `highlight` is not one of them, or a curve is not as
        described above.
    """
    looks = _find_looks(_check_names(panels, "panels", highlight))
    if len({look[:2] for look in looks.values()}) < len(looks):
        refuse("panels", "hold fewer curves, to be told apart", list(looks))
    figure, axes = _make_panels(3.6, panels, *labels)
    for axis, curves in zip(axes, panels.values(), strict=True):
        for name, curve in curves.items():
            curve = _check_curve(f"curve {name!r}", curve, log)
            _draw_curve(axis, name, curve, looks[name], name == highlight)
        if band is not None:
            axis.axvspan(*band[1:], color="0.9", zorder=0, label=band[0])
        x = np.unique(np.concatenate([line.get_xdata() for line in axis.lines]))
        if log:
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:,g}" for value in x])
            axis.minorticks_off()
        elif (x == np.round(x)).all():
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    _name_curves(figure, highlight)
    return figure


@in_own_style
def plot_matrix(
    values: NDArray, rows: Sequence[str], columns: Sequence[str], labels: Sequence[str]
) -> Figure:
    """Draw a table of numbers, shaded by what they gain over those of the first row.

    Parameters
    ----------
    values : ndarray, shape (len(rows), len(columns))
    rows, columns : sequence of str
        Names of the rows, from top to bottom, and of the columns.
    labels : sequence of three str
        What the columns, the rows, and the numbers are. Of each column the highest
        number is bold, and those that look the same when rounded. The lighter, the
        further above the column's first number.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If `values` does not have that shape, is empty or not finite.
    """
    values = check_numbers(values, "values", (len(rows), len(columns))).astype(float)
    gains, (*names, title) = values - values[0], labels
    title += f"; colour: gain over the row \N{LEFT DOUBLE QUOTATION MARK}{rows[0]}"
    title += "\N{RIGHT DOUBLE QUOTATION MARK}"
    height = 0.4 * len(rows) + 1.4
    figure, (axis,) = _make_panels(height, [title], *names, grid=False)
    picture = axis.pcolormesh(gains, cmap="cividis", edgecolors="white")
    for (i, j), value in np.ndenumerate(values):
        is_best = f"{value:.1f}" == f"{values[:, j].max():.1f}"
        text = axis.text(j + 0.5, i + 0.5, f"{value:.1f}", ha="center", va="center")
        text.set_color("white" if picture.norm(gains[i, j]) < 0.5 else "black")
        text.set_weight("bold" if is_best else "normal")
    middles = np.arange(len(columns)) + 0.5, np.arange(len(rows)) + 0.5
    axis.set_xticks(middles[0], [break_lines(name) for name in columns])
    axis.set_yticks(middles[1], rows)
    axis.tick_params(length=0)
    axis.invert_yaxis()
    return figure


@in_own_style
def plot_fields(
    fields: Mapping[str, NDArray], places: NDArray, data: NDArray
) -> Figure:
    """Draw fields of arrows in the plane, side by side, around points of data.

    Of two fields, a third panel shows the second minus the first, and says how large
    the difference is: its root mean square, as a part of the first field's.

    Parameters
    ----------
    fields : mapping of str to ndarray, shape (N, 2)
        For each panel's title the arrows, drawn at their true length.
    places : ndarray, shape (N, 2)
        Where the arrows begin.
    data : ndarray, shape (M, 2)
        Points to draw below. At most forty are drawn, evenly chosen, and at most a
        hundred arrows.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If there is nothing to draw, or an array has another shape or is not finite.
    """
    places = check_numbers(places, "places", (None, 2))
    data = check_numbers(data, "data", (None, 2))
    shape = (len(fields), *places.shape)
    arrows = check_numbers(list(fields.values()), "fields", shape)
    titles = list(fields)
    if len(arrows) == 2:
        arrows = np.concatenate([arrows, np.diff(arrows, axis=0)])
        first, _, difference = np.linalg.norm(arrows, axis=(1, 2))
        share = 100 * difference / first
        titles.append(f"difference: {share:.0f}\N{NO-BREAK SPACE}%")
    width, height = np.ptp(np.concatenate([places, data]), axis=0)
    height = WIDTH / len(titles) * height / width + 0.3
    figure, axes = _make_panels(height, titles, sharex=True, grid=False)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008}
    some, few = slice(None, None, -(-len(places) // 100)), -(-len(data) // 40)
    for axis, moves in zip(axes, arrows, strict=True):
        axis.plot(*data[::few].T, "o", color="0.75", ms=4, zorder=0)
        axis.quiver(*places[some].T, *moves[some].T, **look)
        axis.set(aspect="equal", xticks=[], yticks=[])
    return figure


def _find_looks(names: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Give each name its colour in all charts, and a dash and a mark to it."""
    looks, free = {}, itertools.cycle(FREE)
    for name in names:
        known = next(filter(name.startswith, LOOKS), None)
        colour, dash, mark = LOOKS[known] if known else next(free)
        taken = {look[1] for look in looks.values() if look[0] == colour}
        dash = next((d for d in (dash, *DASHES) if d not in taken), dash)
        looks[name] = colour, dash, mark
    return looks


def _check_names(
    panels: Mapping[str, Mapping], argument: str, highlight: str | None
) -> list[str]:
    """Make sure that all panels hold the same names, the highlight among them."""
    names = [list(panel) for panel in panels.values()]
    if not names or not names[0] or any(other != names[0] for other in names):
        wanted = "hold at least one panel, all with the same names in the same order"
        refuse(argument, wanted, names)
    if highlight is not None and highlight not in names[0]:
        refuse("highlight", f"be one of {names[0]}", repr(highlight))
    return names[0]


def _check_curve(name: str, curve: tuple, log: bool) -> tuple[NDArray, NDArray]:
    """Return the `x` of a curve, shape (N,), and its `y`, shape (N, 1) or (N, 3)."""
    if len(curve) != 2:
        refuse(name, "be a pair (x, y)", curve)
    x = check_numbers(curve[0], f"x of {name}", (None,))
    if (np.diff(x) <= 0).any() or (log and x[0] <= 0):
        refuse(f"x of {name}", "rise, and be above 0 on a logarithmic axis", x)
    shape = (len(x),) if np.ndim(curve[1]) == 1 else (len(x), 3)  # or Intervals
    y = check_numbers(curve[1], f"y of {name}", shape).astype(float)
    return x, y.reshape(len(x), -1)


def _make_panels(height: float, titles, x="", y="", *, grid=True, sharex=False):
    """Make a figure as wide as the page, with panels side by side, all texts one size.

    They share their vertical axis; a grid is faint.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    shared = {"squeeze": False, "sharex": sharex, "sharey": True}
    (axes,) = figure.subplots(1, len(titles), **shared)
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize="medium")
        axis.set_xlabel(x)
        if grid:
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(y)
    return figure, axes


def _draw_ladder(axis, ladder: Mapping[str, NDArray]) -> None:
    """Draw means with their intervals, and write each mean right of it."""
    looks, widest = _find_looks(ladder), 0.0
    for place, (name, (mean, low, high)) in enumerate(ladder.items()):
        colour, _, mark = looks[name]
        arms = np.maximum([[mean - low], [high - mean]], 0)  # below 0 by rounding
        look = {"color": colour, "ecolor": "black", "ms": 5}
        axis.errorbar(mean, place, xerr=arms, fmt=mark, **look)
        beside = {"textcoords": "offset points", "va": "center"}
        axis.annotate(f"{mean:.1f}", (high, place), (6, 0), **beside)
        widest = max(widest, np.ceil(100 * arms.max()) / 100)
    if widest:
        label = (
            f"{axis.get_xlabel()}\nintervals: \N{PLUS-MINUS SIGN}{widest:.2f} or less"
        )
        axis.set_xlabel(label)


def _draw_curve(axis, name: str, curve: tuple, look: tuple, stressed: bool) -> None:
    """Draw a curve, and a light area around it if it is of Intervals."""
    x, (mean, *ends) = curve[0], curve[1].T
    colour, dash, mark = look
    if ends:
        axis.fill_between(x, *ends, color=colour, alpha=0.2, lw=0)
    (line,) = axis.plot(x, mean, color=colour, ls=dash, label=name, ms=5)
    is_level = len(x) > 1 and (mean == mean[0]).all()
    line.set_linewidth(0.9 if is_level else 2.2 if stressed else 1.3)
    if not is_level and len(x) <= 15:  # of many, marks would hide the curve
        line.set_marker(mark)


def _name_curves(figure: Figure, highlight: str | None) -> None:
    """Name the curves of the last panel, and its shaded part, on the right."""
    axis = figure.axes[-1]
    lines = sorted(axis.lines, key=lambda line: -line.get_ydata()[-1])
    named = [*lines, *axis.patches]
    names = [break_lines(part.get_label(), 21) for part in named]
    legend = figure.legend(named, names, loc="outside right upper", frameon=False)
    for part, text in zip(named, legend.get_texts(), strict=True):
        text.set_weight("bold" if part.get_label() == highlight else "normal")
