"""Charts: the numbers given are the numbers drawn."""

import numpy as np
import pytest
from matplotlib.text import Text

from dae import Interval, plot_curves, plot_fields, plot_ladder, plot_matrix

LADDER = {"low": Interval(1, 0.5, 1.5), "high": Interval(3, 2, 3.5)}


def drawn_texts(figure):
    figure.draw_without_rendering()
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def test_ladder_draws_means_and_intervals():
    figure = plot_ladder({"one": LADDER, "two": LADDER}, "dB")
    assert len(figure.axes) == 2
    axis = figure.axes[0]
    (dots,) = [line for line in axis.lines if line.get_marker() == "o"]
    assert list(dots.get_xdata()) == [1, 3]
    (bars,) = axis.collections
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    assert ends == [[0.5, 1.5], [2, 3.5]]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["low", "high"]
    assert axis.yaxis_inverted()  # the first one on top
    assert {"1.0", "3.0"} <= {t.get_text() for t in axis.texts}


def test_curves_are_drawn_with_their_intervals():
    curve = [Interval(1, 0, 2), Interval(2, 1, 4)]
    figure = plot_curves({"": {"a": curve, "b": [5, np.nan]}}, [1, 2], ("x", "y"))
    a, b = figure.axes[0].lines
    assert list(a.get_ydata()) == [1, 2]
    assert b.get_ydata()[0] == 5 and np.isnan(b.get_ydata()[1])
    (area,) = figure.axes[0].collections
    heights = set(area.get_paths()[0].vertices[:, 1])
    assert heights == {0, 1, 2, 4}
    assert (a.get_linestyle(), a.get_marker()) != (b.get_linestyle(), b.get_marker())


def test_curves_with_a_band_and_doublings():
    curves, band = {"": {"a": [1, 2, 3]}}, ("grey", 49, 98)
    figure = plot_curves(curves, [49, 98, 3136], ("x", "y"), band=band, log=True)
    assert figure.axes[0].get_xscale() == "log"
    ticks = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert ticks == ["49", "98", "3,136"]
    assert "grey" in [t.get_text() for t in figure.legends[0].texts]


def test_matrix_writes_every_number_readably():
    values = np.array([[1.04, 2], [3, 4]])
    figure = plot_matrix(values, ["r1", "r2"], ["c1", "c2"], ["col", "row", "dB"])
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.texts] == ["1.0", "2.0", "3.0", "4.0"]
    assert [t.get_color() for t in axis.texts] == ["white", "white", "black", "black"]
    np.testing.assert_array_equal(axis.images[0].get_array(), values)


def test_fields_draw_arrows_where_they_are_known(rng):
    places, data = rng.normal(size=(6, 2)), rng.normal(size=(9, 2))
    moves = rng.normal(size=(6, 2))
    moves[2] = np.nan
    figure = plot_fields({"t": {"exact": moves, "learned": -moves}}, places, data)
    exact, learned = (c for c in figure.axes[0].collections if hasattr(c, "U"))
    known = ~np.isnan(moves[:, 0])
    np.testing.assert_array_equal(exact.get_offsets(), places[known])
    np.testing.assert_array_equal(exact.U, moves[known, 0])
    np.testing.assert_array_equal(learned.V, -moves[known, 1])
    assert exact.scale == 1 and exact.angles == exact.scale_units == "xy"


def test_all_fit_the_page_and_are_large_enough_to_read():
    curves = {f"curve {i}": [1, 2] for i in range(7)}
    for figure in (
        plot_ladder({"one": LADDER, "two": LADDER}, "dB"),
        plot_curves({"a": curves, "b": curves, "c": curves}, [1, 2], ("x", "y")),
        plot_matrix(np.eye(2), ["a", "b"], ["c", "d"], ["x", "y", "z"]),
    ):
        assert figure.get_figwidth() == 6.5
        texts = drawn_texts(figure)
        assert min(t.get_fontsize() for t in texts) >= 8
        drawn = figure.get_tightbbox()  # in inches, of all that is drawn
        assert drawn.x0 >= -0.01 and drawn.x1 <= 6.51
        assert drawn.y0 >= -0.01 and drawn.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_ladder({}, "dB"), "at least one panel"),
        (lambda: plot_ladder({"a": LADDER, "b": {}}, "dB"), "all with the same names"),
        (lambda: plot_curves({"a": {}}, [1], ("x", "y")), "at least one panel"),
        (
            lambda: plot_curves({"a": {"c": [1]}}, [1, 2], ("x", "y")),
            "'c' must hold 2 numbers or Intervals, got shape",
        ),
        (
            lambda: plot_curves(
                {"a": {str(i): [1] for i in range(8)}}, [1], ("x", "y")
            ),
            "styles for 7 curves, got 8",
        ),
        (
            lambda: plot_matrix(np.eye(2), ["a"], ["b"], ["x", "y", "z"]),
            r"shape \(1, 1\), got \(2, 2\)",
        ),
    ],
)
def test_charts_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()
