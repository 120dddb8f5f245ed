"""Every number in the text is one that the committed run produced."""

import inspect
import json
import re

import keras
import numpy as np
import pytest
from conftest import ROOT

from dae import build_encoder, compile_denoiser, train
from dae.publish.numbers import MARK, look_up, update_numbers
from dae.publish.run import readmes

SAMPLE = "from 9.4<!-- results: a.b .1f --> to **20.97 dB**, 3<!-- results: n d -->"


def test_update_writes_the_value_in_the_given_format():
    sources = {"results": {"a": {"b": -12.345}, "n": 1234}}
    expected = SAMPLE.replace("9.4<", "\N{MINUS SIGN}12.3<").replace(", 3<", ", 1234<")
    assert update_numbers(SAMPLE, sources) == expected
    assert update_numbers(expected, sources) == expected
    stars = "**1,000**<!-- results: n , -->"
    assert update_numbers(stars, sources) == "**1,234**<!-- results: n , -->"
    hyphen, sign = (f"{x}2.5<!-- results: a.b .1f -->" for x in "-\N{MINUS SIGN}")
    assert update_numbers(hyphen, {"results": {"a": {"b": -2.5}}}) == sign
    assert update_numbers(sign, {"results": {"a": {"b": 2.5}}}) == sign[1:]


def test_update_names_what_is_missing():
    with pytest.raises(KeyError, match=r"a\.b: there is no 'b'"):
        update_numbers(SAMPLE, {"results": {"a": {}, "n": 1}})
    with pytest.raises(KeyError, match="results"):
        update_numbers(SAMPLE, {})


def texts(notebook):
    for path in readmes():
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.id, cell.source


@pytest.fixture(scope="module")
def sources(results, notebook):
    benchmarks = (ROOT / "tests/benchmarks").glob("*.json")
    return {"results": results} | {
        p.stem: json.loads(p.read_text()) for p in benchmarks
    }


def test_marked_numbers_are_the_measured_ones(notebook, sources):
    count = 0
    for place, text in texts(notebook):
        marks = list(MARK.finditer(text))
        assert len(marks) == text.count("<!-- "), f"{place}: a mark without a number"
        for mark in marks:
            value = look_up(sources[mark["source"]], mark["key"])
            printed = mark["number"].replace(",", "").replace("\N{MINUS SIGN}", "-")
            digits = len(printed.partition(".")[2])
            assert float(printed) == round(value, digits), f"{place}: {mark[0]}"
            count += 1
    assert count > 20


def test_measured_units_carry_a_mark(notebook):
    """A number before dB, %, times or a named ratio is a result: it needs its mark."""
    # definitions, not measurements; the guesses to choose from
    allowed = {"3 dB more", "3 dB or more", "10 dB more", "50 %, 90 % or 99 %"}
    for place, text in texts(notebook):
        if place.startswith("tests"):  # what was noted by hand, and says so
            text = text.split("## What was learnt on the way")[0]
        for phrase in allowed:
            text = text.replace(phrase, "")
        found = re.findall(r"\d[\d.,]*\**\s*(?:dB|%|times)", text)
        assert not found, f"{place}: {found}"


@pytest.fixture(scope="module")
def said(notebook):
    """Make sure that a sentence stands in a text, as a reader sees it."""
    plain = {place: re.sub(r"<!--.*?-->", "", text) for place, text in texts(notebook)}

    def check(place, sentence):
        assert sentence in plain[place], f"{place} no longer says so: {sentence}"

    return check


@pytest.fixture(scope="module")
def of(sources):
    """Look a value of the run up; of an interval, the mean."""

    def value(key, source="results"):
        found = look_up(sources[source], key)
        return found.get("mean", found) if isinstance(found, dict) else found

    return value


@pytest.fixture(scope="module")
def ends(sources):
    """The lowest and the highest value over five seeds, or the ends of an interval."""

    def value(key, source="seeds"):
        root = "numbers." if source == "seeds" else ""
        found = look_up(sources[source], root + key)
        low, high = ("lowest", "highest") if source == "seeds" else ("low", "high")
        return found[low], found[high]

    return value


def test_what_is_said_of_the_noise(said, of):
    said("s2-end", "the formula gives slightly more")
    for level in ("0_1", "0_2", "0_5"):
        measured, formula = (
            of(f"noise.noise_{level}.{name}") for name in ("clipped", "formula")
        )
        assert abs(measured - formula) < 0.01
        assert abs(of(f"noise.noise_{level}.black_pixel")) < 0.001
    assert of("noise.noise_0_5.clipped") < of("noise.noise_0_5.formula")


def test_what_is_said_of_the_plain_network_and_ours(said, of, ends):
    said(
        "plain-figure-caption", "Five small layers remove the noise, and leave blurred"
    )
    noisy, plain, ours = (
        of(k) for k in ("test.noisy.psnr", "plain.psnr", "test.denoised.psnr")
    )
    assert noisy + 8 < plain < ours - 1.5
    said("ours-text", "Each was added to those above it")
    steps = ("fresh_noise", "rate", "patches", "overview", "batch", "muon")
    before = of("plain.psnr", "steps")
    for step in steps:
        after = of(f"{step}.psnr", "steps")
        assert abs(after - before - of(f"{step}.gain", "steps")) < 1e-6
        before = after
    for step in ("rate", "patches", "overview", "muon"):
        assert of(f"{step}.gain.lowest", "steps") > 0, step
    said("ours-text", "faster: an epoch with 128 takes")
    assert of("overview.time", "steps") > 1.05
    said("s3-end", "most of them in the dense layer `whole`")
    assert of("model.weights") / 2 < 392 * 784 + 784
    squared = "squared_error"
    said("loss-choice", "plain network's pictures black with all three seeds")
    assert of("seeds", "steps") == of(f"{squared}.plain.stuck", "steps") == 3
    said("loss-choice", "Ours trains with either loss")
    behind = of(f"{squared}.lead_of_cross_entropy.highest", "steps")
    assert behind >= -of(f"{squared}.lead_of_cross_entropy.lowest", "steps")
    assert of(f"{squared}.ours.stuck", "steps") == 0
    said("ours-text", "fresh noise changes next to nothing")
    assert of("fresh_noise.gain.highest", "steps") < 0.1
    said("ours-text", "Batches of 256 cost quality at equal epochs, and Muon")
    assert of("batch.gain.highest", "steps") < 0
    said("ours-text", "only makes up for it")
    assert abs(of("muon.psnr", "steps") - of("overview.psnr", "steps")) < 0.05
    said("ours-text", "both differences were a few hundredths of a decibel")
    for noted in ("0.02 dB less after 50", "0.03 dB more after 50"):  # by hand
        said("tests/benchmarks/README.md", noted)
    said("ours-text", "bring twelve times the weights")
    assert int(of("patches.weights", "steps") / of("rate.weights", "steps")) == 12


def test_plain_network_is_the_one_of_the_benchmark(notebook, monkeypatch):
    """Its layers, as the notebook's cell makes them."""
    monkeypatch.syspath_prepend(str(ROOT / "tests/benchmarks"))
    import common

    (cell,) = [c for c in notebook.cells if c.id == "plain-model"]
    names = {"keras": keras, "layers": keras.layers, "SEED": 0}
    exec(cell.source, names)
    ours, theirs = (
        [(type(layer), layer.get_config() | {"name": ""}) for layer in model.layers]
        for model in (names["build_plain"](), common.build_plain())
    )
    assert ours == theirs and len(ours) == 5


def test_what_is_said_of_the_training(said, of):
    said("blur-caption", 'The safest answer to "3 or 8?" is a blur')
    said("loss-choice", "the learning rate rises to 0.01")
    rates = inspect.signature(compile_denoiser).parameters["learning_rate"]
    assert rates.default == 0.01
    said("train-text", "50 epochs of 214 steps, each on a batch of 256 images")
    batch_size = inspect.signature(train).parameters["batch_size"].default
    assert (batch_size, 55_000 // batch_size) == (256, 214)
    said("s4-end", "the network has learnt little by heart")
    assert 0 < of("training.gap") < 5
    said("s4-end", "even the clean image scores that")
    assert of("training.validation.lowest_possible") > 0.05


def test_what_is_said_of_the_result(said, of, ends):
    said("result-text", "by PSNR, a *black picture* is better than the noisy one")
    noisy, black, denoised = (
        of(f"test.{name}.psnr") for name in ("noisy", "black", "denoised")
    )
    assert noisy < black < denoised
    assert of("test.denoised.ssim") > of("test.noisy.ssim")
    low, high = ends("test.denoised.psnr")
    assert high - low < 0.1


def test_the_targets_are_met(of):
    """At noise 0.5 by the lesson's run, at 0.2 by the same training there."""
    assert of("test.denoised.psnr") >= 20.9
    assert of("test.mse", "low_noise") <= 0.0026
    assert of("model.code_size") == 392


def test_what_is_said_of_the_code(said, of, ends):
    said("s6-end", "in the pixels noise counts more than the image")
    assert of("code.pixels") > 0.5**0.5 > ends("code.trained_code")[1]
    said("s6-end", "in the trained code less; but it does move the code")
    assert 0.1 < of("code.trained_code") < of("code.untrained_code") < 1
    assert of("code.trained_code") < 0.7 * of("code.pixels")
    said("code-figure-caption", "eight maps")
    assert of("code.dead_maps") == 0  # else Figure 11's caption must speak of marks
    said("silence-figure-caption", "The maps share the work, unevenly")
    assert of("maps.most_cost") < of("test.denoised.psnr") - of("test.noisy.psnr")
    assert of("maps.most_cost") > 2 * of("maps.least_cost") > 0
    assert ends("maps.least_cost")[0] > 0
    assert ends("maps.most_cost")[0] > 2 * ends("maps.least_cost")[1]
    said("s6-end", "dB more than no map at all")
    assert of("maps.most_worth_alone") > 0.5


def test_what_is_said_of_the_baselines(said, of, ends, results):
    said("ladder-figure-caption", "At both levels our network leads")
    said("ladder-figure-caption", "Mean PSNR of ten methods")
    for level in ("noise_0_2", "noise_0_5"):
        means = {n: entry["mean"] for n, entry in results["ladder"][level].items()}
        assert len(means) == 10
        assert max(means, key=means.get) == "our_network"
        for other in ("affine_denoiser", "affine_denoiser_curve"):
            lead = f"ladder.our_network_{other}.{level}"
            assert ends(lead, "results")[0] > 0 and ends(f"{lead}.mean")[0] > 0
        said("s7-end", "the simple blur is the best of our three filters, at both")
        curved = ("gaussian_blur_curve", "total_variation_curve")
        rivals = {n: means[n] for n in (*curved, "non_local_means_curve")}
        assert max(rivals, key=rivals.get) == "gaussian_blur_curve"
    said("s7-end", "a curve lifts the Gaussian blur")
    blur, affine = (
        f"ladder.noise_0_5.{n}" for n in ("gaussian_blur", "affine_denoiser")
    )
    assert of(f"{blur}_curve") > of(blur) + 3
    said("s7-end", "At 0.5 it is as good as the affine denoiser without one")
    assert abs(of(f"{blur}_curve") - of(affine)) < 0.2
    said("s7-end", "at 0.2 as the affine denoiser with one")
    mild = [f"ladder.noise_0_2.{n}_curve" for n in ("gaussian_blur", "affine_denoiser")]
    assert abs(of(mild[0]) - of(mild[1])) < 0.2
    said("s7-end", "The baseline to beat at 0.5 is the affine denoiser with a curve")
    ours = means.pop("our_network")
    assert max(means, key=means.get) == "affine_denoiser_curve"
    said("s7-end", "At 0.2 the lead is smaller")
    second = "ladder.our_network_gaussian_blur_curve.noise_0_2"
    assert ends(second, "results")[1] < ours - means["affine_denoiser_curve"]


def test_what_is_said_of_the_objective(said, of, ends):
    def psnr(way, key):
        return of(f"objective.{way}.{key}")

    said("s8-end", "returns clean digits best")
    for way in ("frozen", "fresh"):
        assert psnr("plain", "clean_in") > psnr(way, "clean_in") + 2
    said("s8-end", "and come out at")
    low, high = ends("objective.plain.noisy_in.mean")
    assert of("test.noisy.psnr") < low and high < of("test.noisy.psnr") + 3.5
    assert psnr("fresh", "noisy_in") > high + 4
    said("s8-end", "more than the curve alone")
    curved = psnr("plain", "noisy_in_curve")
    assert of("ladder.noise_0_5.noisy_input_curve") + 1 < curved
    said("s8-end", "less than a blur with a curve")
    assert curved < of("ladder.noise_0_5.gaussian_blur_curve") - 1
    said("objective-figure-caption", "Only frozen noise overfits")
    rises = {w: psnr(w, "rise_of_the_loss") for w in ("frozen", "fresh")}
    assert rises["frozen"] > 10 and rises["fresh"] < 1
    said("s8-end", "(an early one, in which the learning rate is still high)")
    said("s8-end", "frozen noise is")
    assert ends("objective.fresh_frozen.noisy_in", "results")[0] > 0
    assert ends("objective.fresh_frozen.noisy_in.mean")[0] > 0


def test_what_is_said_of_other_levels(said, of, ends):
    two, five = (f"sweep.specialist_for_0_{level}" for level in (2, 5))
    blind, affine = "sweep.blind_network", "sweep.affine_denoiser_curve"
    said("sweep-figure-caption", "Each specialist is best near its own level")
    assert max(two, five, blind, affine, key=lambda n: of(f"{n}.0_2")) == two
    assert max(two, five, blind, affine, key=lambda n: of(f"{n}.0_5")) == five
    said("sweep-figure-caption", "stays close to the better of the two")
    for level in range(6):
        best = max(of(f"{n}.0_{level}") for n in (two, five))
        assert of(f"{blind}.0_{level}") > best - 1
    said("s9-end", "less than the affine denoiser and its curve")
    assert of(f"{two}.0_5") < of(f"{affine}.0_5")
    assert ends(f"{two}.0_5.mean")[1] < ends(f"{five}.0_5.mean")[0] - 1
    said("s9-end", "It also pays below")
    clean = [ends(f"{n}.0_0", "results") for n in (five, affine, two)]
    assert clean[0][1] < clean[2][0] and of(f"{five}.0_0") < of(f"{affine}.0_0")
    said("s9-end", "At 0.3, which only the blind network has seen, it is ahead of both")
    assert of(f"{blind}.0_3") > max(of(f"{two}.0_3"), of(f"{five}.0_3"))
    said("s9-end", "Blindness has a price, a small one at 0.2")
    price = [of(f"{n}.0_{k}") - of(f"{blind}.0_{k}") for n, k in ((two, 2), (five, 5))]
    assert 0 < price[0] < 0.3 < price[1] < 1


def test_what_is_said_of_other_corruptions(said, of, ends):
    def psnr(row, column):
        return of(f"corruption.{row}.{column}")

    said("corruption-figure-caption", "undone best by the network trained for it")
    assert ends("corruption.own_ahead_by_at_least")[0] > 0
    said("s10-end", "take specks for ink")
    taught = ends("corruption.gaussian.gaussian.mean")[0]
    for row in ("masking", "speckle", "poisson"):
        assert psnr(row, "gaussian") < psnr("no_network", "gaussian")
        assert ends(f"corruption.{row}.gaussian.mean")[1] < taught - 5
    said("panel-caption", "do not mend masked strokes")
    said("s10-end", "Holes are another matter")
    untouched, taught = (psnr(row, "masking") for row in ("no_network", "masking"))
    assert psnr("gaussian", "masking") - untouched < (taught - untouched) / 5
    said("s10-end", "it saw a fifth as much of each")
    said("s10-end", "the Gaussian network, which knows specks")
    untouched, taught = (psnr(r, "salt_and_pepper") for r in ("no_network", "gaussian"))
    assert taught > untouched + 8
    assert 0 < psnr("salt_and_pepper", "salt_and_pepper") - taught < 1
    said("s10-end", "Relatives help each other")
    for one, two in (("speckle", "poisson"), ("poisson", "speckle")):
        strangers = (psnr(r, two) for r in ("gaussian", "salt_and_pepper", "masking"))
        assert psnr(two, two) - 1 < psnr(one, two) > max(strangers) + 1


def test_what_is_said_of_the_bottleneck(said, of, ends):
    def psnr(name, sizes):
        return {size: of(f"bottleneck.{name}.{size}") for size in sizes}

    noisy, small = of("test.noisy.psnr"), (10, 20, 49, 98, 196, 392, 784)
    plain, denoising = (psnr(f"linear_{way}", small) for way in ("plain", "denoising"))
    said("bottleneck-figure-caption", "only linear and plain does much better with a")
    said("s11-end", "Alone, a bottleneck can denoise")
    assert max(plain, key=plain.get) == 49 and plain[49] > noisy + 5
    said("s11-end", "Fewer lose ink")
    assert plain[10] < plain[49] - 1 and plain[392] < plain[49] - 3
    said("s11-end", "with 784 all that went in comes out")
    assert abs(plain[784] - noisy) < 0.1
    said("s11-end", "It need not")
    for size in (49, 392, 3136):
        highest = ends(f"bottleneck.network_plain.{size}.mean")[1]
        assert highest < noisy + 3 < plain[49] - 2
        lowest = ends(f"bottleneck.network_denoising.{size}.mean")[0]
        assert lowest > max(plain.values()) + 2
    said("s11-end", "does better, and needs no bottleneck")
    assert all(denoising[size] > plain[size] for size in small)
    assert denoising[784] > max(denoising.values()) - 0.05
    network = psnr("network_denoising", (49, 392, 3136))
    assert network[392] > network[49] + 0.5
    said("s11-end", "next to nothing")
    seeds = "bottleneck.64_8_maps_seeds"
    assert -0.1 < ends(f"{seeds}.lowest")[0] < ends(f"{seeds}.highest")[1] < 0.3
    said("network-codes-text", "39 to 47 thousand weights")
    rest = 64 + 18_512 + 65 * 16  # biases, the residual block, the painting layer
    weights = [build_encoder(c).count_params() + 64 * c + rest for c in (1, 8, 64)]
    assert [round(weight / 1000) for weight in weights] == [39, 40, 47]


def test_what_is_said_of_the_probes(said, of, ends):
    def hits(kind, name):
        return ends(f"probe.{kind}_digits.{name}", "results")  # over five draws

    said("probe-figure-caption", "a code that noise hides less")
    said("probe-figure-caption", "read far better than the plain network's")
    lead = "probe.specialist_plain"
    assert ends(f"{lead}.noisy_digits", "results")[0] > 8
    said("s12-end", "It is denoising that makes the code bear noise")
    assert ends(f"{lead}.noisy_digits.mean")[0] > 8
    assert hits("noisy", "specialist_for_0_5")[0] > hits("noisy", "pixels")[1] + 3
    said("s12-end", "On clean digits, which the specialist was never given, its lead")
    low, high = ends(f"{lead}.clean_digits.mean")
    assert -0.5 < low < high < ends(f"{lead}.noisy_digits.mean")[0]
    said("s12-end", "code is little easier to read than the pixels")
    pixels = of("probe.clean_digits.pixels")
    assert 0 < of("probe.clean_digits.plain_network") - pixels < 2.5
    assert abs(of("probe.clean_digits.untrained_network") - pixels) < 2
    said("s12-end", "On noisy digits, the plain network's code is harder to read")
    assert hits("noisy", "plain_network")[1] < hits("noisy", "pixels")[0]
    said("s12-end", "Noise-invariant?** No, but nearer to it than the pixels")
    fall = {
        name: of(f"probe.clean_digits.{name}") - of(f"probe.noisy_digits.{name}")
        for name in ("our_network", "pixels")
    }
    assert 2 < fall["our_network"] < fall["pixels"] / 1.5


def test_what_is_said_of_what_is_made_up(said, of, ends):
    said("s13-end", "Misread digits")
    denoised, noisy = (
        ends(f"flips.{name}.misread", "results") for name in ("denoised", "noisy")
    )
    assert denoised[1] < noisy[0]
    denoised, noisy = (ends(f"flips.{n}.misread.mean") for n in ("denoised", "noisy"))
    assert denoised[1] < noisy[0] / 3
    said("s13-end", "Most of them can be suspected")
    assert of("flips.denoised.auc_of_doubt") > 0.93
    assert of("flips.denoised.in_the_most_doubtful_tenth") > 75
    said("empty-caption", "the network paints hints of strokes")
    painted = "empty.with_a_bright_pixel_above_0_5"
    assert 10 < of(painted) < 90
    assert of("empty.ink_compared_with_a_digit_s") < 40
    said("s13-end", "Blur, not origin")
    said("s13-end", "MNIST's own, blurred, gain hardly more")
    own, blurred, other = (
        of(f"strangers.{name}.gain")
        for name in ("mnist_s_digits", "mnist_s_blurred", "other_digits_blurred")
    )
    assert own - blurred > 2 and 0 < blurred - other < 0.5
    said("stranger-figure-caption", "The network paints where digits are")
    assert of("ink_kept.middle") > 70 and of("ink_kept.border") < 20
    said("s13-end", "there the network takes a stroke for noise")
    assert of("ink_kept.of_mnist_in_the_border") < 5


def test_what_is_said_of_the_score(said, of, ends):
    said("score-figure-caption", "has learnt the arrows of the formula")
    for level in ("0_1", "0_25"):
        assert of(f"score.noise_{level}.cosine") >= 0.98
        assert of(f"score.noise_{level}.relative_error") < 0.2
        assert ends(f"score.noise_{level}.cosine")[0] > 0.95


def test_what_is_said_of_memory(said, of, ends):
    def psnr(who, where="test"):
        return of(f"ideal.{who}.{where}_digits")

    said("s16-end", "the ideal denoiser gives back a training digit")
    assert of("copies.copies_from_training_digits") > 80
    assert psnr("ideal_denoiser", "training") > 50
    assert 10 < of("copies.copies_from_test_digits") < 60
    said("s16-end", "even the nearest training digit matches a test digit at only")
    nearest = of("copies.nearest_training_digit_to_a_test_digit")
    assert abs(nearest - psnr("ideal_denoiser")) < 1
    said("s16-end", "Sharing the weight is better")
    assert of("memory.best_width") > 0.5
    assert psnr("tuned_memory") > psnr("ideal_denoiser") + 1
    said("s16-end", "Even the affine denoiser is ahead of the ideal one")
    affine, ideal = (
        ends(f"ideal.{n}.test_digits", "results")
        for n in ("affine_denoiser", "ideal_denoiser")
    )
    assert ideal[1] < affine[0]
    said("s16-end", "The network generalises")
    lead = "ideal.our_network_tuned_memory_paired.test_digits"
    assert ends(lead, "results")[0] > 1.5 and ends(f"{lead}.mean")[0] > 1.5
    said("s16-end", "is nearly as good as on training digits")
    assert abs(psnr("our_network") - psnr("our_network", "training")) < 0.4


def test_what_is_said_of_noisy_targets(said, of, ends):
    def psnr(targets):
        return of(f"noise2noise.{targets}.psnr")

    said("s14-end", "noisy targets teach denoising, but not as well in the same time")
    once, often, clean = (
        ends(f"noise2noise.{name}.psnr.mean")
        for name in ("noisy_targets", "noisy_4_passes", "clean_targets")
    )
    assert max(once[1], often[1]) < clean[0]
    assert ends("noise2noise.lost_targets.mean")[0] > 0.5
    said("s14-end", "more of the same does not always help")
    assert psnr("noisy_targets") + 0.3 < psnr("noisy_4_passes") < psnr("clean_targets")
    assert often[0] < once[0]  # of the seed with the worst four passes, at least
    assert of("noise2noise.noisy_4_passes.black_pixel") < 0.03
    said("s14-end", "the mean that section 2 found")
    grey = of("noise2noise.noisy_clipped.black_pixel")
    assert abs(grey - of("noise.noise_0_5.clipped")) < 0.02
    assert psnr("noisy_clipped") < psnr("clean_clipped") - 5


def test_what_is_said_of_local_memory(said, of, ends, sources):
    sides = {side: of(f"local.side_{side}") for side in (3, 5, 7, 9, 15, 55)}
    said("local-figure-caption", "beats both memories of whole digits")
    tuned = sources["results"]["ideal"]["tuned_memory"]["test_digits"]
    assert sides[7] > max(tuned["mean"], sides[55]) + 1
    assert max(sides, key=sides.get) in (5, 7)
    said("local-end", "memory of *parts* carries over to new digits better")
    assert ends("local.network_side_7_paired", "results")[0] > 0
    assert ends("local.side_7.mean")[0] > ends("ideal.tuned_memory.test_digits.mean")[1]
    said("local-end", "on the same pictures, about half-way to the network")
    won = of("side_7", "local") - sides[7]
    assert 0.4 < won / of("local.network_side_7_paired") < 0.6
    said("local-end", "On validation images, too")
    assert of("memory.best_side") == 7
    said("local-end", "is the best there")
    assert of("memory.best_width_there") in (0.5, 0.6)
    assert of("memory.gain_by_it") < 0.5


def test_what_is_said_of_generalising(said, of, ends):
    def psnr(size, against):
        return of(f"generalising.{size}_digits.{against}")

    said("s17-end", "the networks know their own by heart")
    assert psnr("100", "own_digits") > psnr("100", "new_digits") + 8
    assert psnr("100", "each_other") < 18
    said("s17-end", "own and new digits come out alike")
    assert abs(psnr("27_500", "own_digits") - psnr("27_500", "new_digits")) < 0.3
    said("s17-end", "the two agree to")
    assert psnr("27_500", "each_other") > psnr("27_500", "new_digits") + 5
    said("s17-end", "Chance (first weights, order, noise) is a part of it")
    alike = {n: of(f"100.{n}", "pupils") for n in ("both", "chance", "digits")}
    assert alike["both"] + 2 < alike["chance"] < psnr("27_500", "each_other") - 5
    assert abs(alike["both"] - psnr("100", "each_other")) < 0.2  # another processor
    said("s17-end", "with the same chance, but other digits")
    assert abs(alike["both"] - alike["digits"]) < 0.5
    said("s17-end", "about as with the same digits")
    alike = {n: of(f"27500.{n}", "pupils") for n in ("both", "chance", "digits")}
    assert abs(alike["chance"] - psnr("27_500", "each_other")) < 0.2
    assert alike["digits"] > alike["chance"]  # which digits no longer matters
    said("s17-end", "With 10,000 each, they agree as well")
    for against in ("new_digits", "each_other"):
        assert abs(psnr("10_000", against) - psnr("27_500", against)) < 0.5
    alike = "generalising.27_500_digits.each_other.mean"
    assert ends(alike)[0] > ends("generalising.100_digits.each_other.mean")[1] + 5


def test_what_is_said_of_doubt(said, of, ends, sources):
    said(
        "calibration-caption",
        "Where the network expects larger errors, larger errors mostly",
    )
    measured = sources["results"]["sure"]["not_clipped"]["by_group"]
    assert len(measured) == 6 and np.diff(measured).min() > 0
    said("s18-end", "It is no exact measure")
    assert ends("sure.not_clipped.predicted")[1] < 90
    assert 0.5 < of("sure.not_clipped.correlation") < 0.95
    said("s18-end", "fits no worse")
    off = [abs(of(f"sure.{n}.predicted") - 100) for n in ("clipped", "not_clipped")]
    assert off[0] < off[1]


def test_what_is_said_of_holes(said, of):
    said("s20-end", "read as the digit that was there")
    assert of("holes.read_rightly") > 60
    said("s20-end", "Their agreement says how far to trust them")
    assert of("holes.then_read_rightly") > of("holes.else_read_rightly") + 15
    said("s20-end", "the spread of pixels understates the error")
    assert of("holes.spread_of_the_error") < 85


def test_what_is_said_of_new_digits(said, of, ends):
    def judged(name, key):
        return of(f"generated.{name}.{key}")

    said("generated-figure-caption", "most pictures look like digits")
    said("generated-figure-caption", "with less noise on the way, they have more ink")
    assert judged("less_noise", "sure") < judged("published", "sure") - 3
    said("s19-end", "of repainted test digits")
    sure = judged("published", "sure")
    assert sure > 90 and abs(sure - judged("test_digits_repainted", "sure")) < 5
    assert ends("generated.published.sure.mean")[0] > 88
    assert 80 < judged("published", "ink") < 120
    said("s19-end", "With less of it")
    assert judged("less_noise", "ink") > judged("published", "ink") + 20
    said("s19-end", "change little but their number")
    for key, least in (("sure", 5), ("ink", 10)):
        changed = judged("longer_steps", key) - judged("published", key)
        assert abs(changed) < least
    assert of("steps.longer_steps") < of("steps.published") - 50
    said("s19-end", "A copy would show that lead")
    lead = "nearest_leads_by"
    new, known, unknown = (
        judged(name, lead)
        for name in ("published", "training_digits_repainted", "test_digits_repainted")
    )
    assert known > 4 > 1.5 > max(new, unknown)
    said("s19-end", "A mean could hide a few copies")
    new, known, unknown = (
        judged(name, "by_3_db_or_more")
        for name in ("published", "training_digits_repainted", "test_digits_repainted")
    )
    assert known > 70 and max(new, unknown) < 10
    said("s19-end", "They are no fair draw")
    rarest = (
        ends(f"generated.{n}.rarest") for n in ("published", "test_digits_repainted")
    )
    (_, most), (least, _) = rarest
    assert most < least


def test_what_is_said_of_the_costs(said, of, sources):
    models = sources["frontier"]["models"]
    points = {n: (model["time"], model["validation"]) for n, model in models.items()}
    ours = sorted(point for name, point in points.items() if name.startswith("ours"))
    times, quality = np.transpose(ours)
    lead = {  # of ours at the same time, in dB
        name: np.interp(np.log(point[0]), np.log(times), quality) - point[1]
        for name, point in points.items()
        if not name.startswith("ours")
    }
    said("s21", "Ours had 5, 10, 15 or 24 epochs; others 10")
    said("s21", "had 4 or 10")
    epochs = {name: model["epochs"] for name, model in models.items()}
    assert sorted(e for n, e in epochs.items() if "ours" in n) == [5, 10, 15, 24]
    assert {e for n, e in epochs.items() if n in lead} == {4, 10}
    assert [e for n, e in epochs.items() if e == 4] == [epochs["U-Net, 4"]]
    said("frontier-figure-caption", "none is far ahead of ours")
    assert min(lead.values()) > -0.15
    said("s21-end", "with 24 epochs, in slightly more time")
    assert 0 < models["ours, 24"]["time"] - models["wide"]["time"] < 0.4
    wide, longer = (models[n]["validation"] for n in ("wide", "ours, 24"))
    assert abs(wide - longer) < 0.1
    said("s21-end", "Narrower networks with our design save nothing")
    assert min(lead[name] for name in ("tiny", "small", "narrow")) > 0.05


def test_what_the_readmes_say(of, sources):
    """README.md, and tests/benchmarks/README.md."""
    steps = sources["steps"]
    gains = {n: of(f"{n}.gain", "steps") for n in ("fresh_noise", "rate", "overview")}
    assert steps["epochs"] == 5
    assert max(map(abs, steps["fresh_noise"]["gain"].values())) < 0.1
    assert steps["patches"]["gain"]["lowest"] > max(gains.values()) + 0.3
    assert steps["overview"]["gain"]["lowest"] > 0.2
    assert steps["muon"]["gain"]["lowest"] > 0.1
    assert steps["batch"]["gain"]["highest"] < 0 and of("overview.time", "steps") > 1.02
    squared = steps["squared_error"]
    assert (squared["plain"]["stuck"], squared["ours"]["stuck"]) == (3, 0)
    assert max(map(abs, squared["lead_of_cross_entropy"].values())) < 0.2
    models = [sources["public_models"][n] for n in ("keras_example", "recipe", "ours")]
    qualities = [model["psnr"] for model in models]
    assert qualities == sorted(qualities) and qualities[-1] > qualities[-2] + 0.2
    assert min(model["time"] for model in models[:2]) > 1.3
    for level in sources["time_to_quality"].values():
        if "tried" not in level:
            continue  # the machine
        tried = {training["epochs"]: training["mse"] for training in level["tried"]}
        assert set(tried) == {*range(2, 9), 10, 12, 15}
        for name, share in (("recipe", 1 / 19), ("keras_example", 1 / 20)):
            public = level[name]
            assert public["epochs"] == sources["public_models"]["epochs"] == 50
            soon = min(n for n, error in tried.items() if error <= public["mse"])
            assert public["ours"]["epochs"] == soon
            assert public["share_of_time"] < share
    low = sources["time_to_quality"][
        "sigma_2"
    ]  # "missed it by a quarter of a per cent"
    (eight,) = [x["mse"] for x in low["tried"] if x["epochs"] == 8]
    assert 0.002 < eight / low["recipe"]["mse"] - 1 < 0.003
    for name, model in zip(("keras_example", "recipe"), models[:2], strict=True):
        written = sources["time_to_quality"]["sigma_5"][name]
        assert model["psnr"] == written["psnr"]
    # "the small code is not what stops ours there"; growth
    assert of("epochs", "large") == 50 and of("time", "large") > 2
    assert of("test.psnr", "large") > of("test.denoised.psnr") + 0.2
    assert of("off_the_line_percent", "cost") < 10
    for what in ("by_images", "by_epochs"):
        assert of(f"{what}.memory_growth_percent", "cost") < 5
    assert of("seconds_ratio", "recipe") < 0.3
    assert of("equal_epochs.recipe.psnr", "recipe") < of(
        "equal_epochs.ours.psnr", "recipe"
    )
    falling = ("default", "large_code", "wide", "with_skips")
    assert falling == tuple(sorted(falling, key=lambda n: -of(f"{n}.mse", "low_noise")))
    assert of("ours.share_percent", "speed") < of("recipe.share_percent", "speed")
    rates = sources["where_time_goes"]["rate_percent"]
    assert rates["block_backward"] < 0.7 * rates["block_forward"]
    shares = sources["where_time_goes"]["share_percent"]
    assert max(shares, key=shares.get) == "block_backward"
