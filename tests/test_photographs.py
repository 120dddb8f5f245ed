"""Pictures of any size, from a file to a file; and the score of any denoiser."""

import json
import re
from functools import partial

import keras
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from skimage import data

import dae
import dae.model
from dae.checkpoint import PRETRAINED_PATH

MEASURED = ROOT / "tests/benchmarks/photographs.json"


@pytest.fixture(scope="module")
def scrambled():
    """A network that changes much, so that a seam would show."""
    network, rng = dae.build_unet(3, width=8), np.random.default_rng(0)
    weights = network.get_weights()
    network.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in weights])
    return network


def test_tiles_leave_no_seam(scrambled, monkeypatch):
    picture = np.random.default_rng(1).random((1, 203, 331, 3), dtype=np.float32)
    whole = dae.denoise(scrambled, picture)
    monkeypatch.setattr(dae.model, "TILE", 80)
    in_tiles = dae.denoise(scrambled, picture)
    assert whole.shape == picture.shape
    np.testing.assert_allclose(in_tiles, whole, atol=1e-5)
    monkeypatch.setattr(dae.model, "MARGIN", 8)  # less than what a pixel sees
    assert abs(dae.denoise(scrambled, picture) - whole).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 64, 64), (1, 7, 9)])
def test_any_height_and_width(scrambled, shape):
    pictures = np.full((*shape, 3), 0.5, np.float32)
    assert dae.denoise(scrambled, pictures).shape == pictures.shape


def test_colour_pictures_of_64_pixels_are_learnt():
    """With all of the lesson's functions, and a network of the reader's own."""
    clean = np.float32(data.astronaut()[:64, :64])[np.newaxis].repeat(8, axis=0) / 255
    corrupt = partial(dae.add_gaussian_noise, level=0.2)
    layers = [keras.layers.Conv2D(c, 3, padding="same") for c in (8, 3)]
    network = keras.Sequential([keras.Input((64, 64, 3)), *layers])
    history = dae.train(network, clean, clean[:2], corrupt, epochs=3, batch_size=4)
    assert history["val_loss"][-1] < history["val_loss"][0]
    restored = dae.denoise(network, corrupt(clean, np.random.default_rng(0)))
    assert dae.ssim(clean, restored).shape == (8,)
    assert dae.plot_image_rows({"clean": clean[:3], "ours": restored[:3]}).axes


def test_another_size_is_refused_with_the_network_that_takes_it():
    pictures = np.zeros((1, 300, 451, 3), np.float32)
    with pytest.raises(ValueError, match=r"load_photo_denoiser\(3\) takes any height"):
        dae.denoise(dae.load_denoiser(), pictures)


@pytest.mark.parametrize(("name", "channels"), [("cat", 3), ("camera", 1)])
def test_photographs_come_out_as_measured(name, channels):
    array = {"cat": data.chelsea, "camera": data.camera}[name]()
    clean = (np.float32(array) / 255).reshape(1, *array.shape[:2], channels)
    rng = dae.rng(0, f"{name} level_50")
    noisy = dae.add_gaussian_noise(clean, rng, level=50 / 255)
    restored = dae.denoise(dae.load_photo_denoiser(channels), noisy)
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))["held_out"][name]
    psnr = dae.psnr(clean, restored)[0]
    assert psnr == pytest.approx(measured["level_50"]["ours"], abs=0.01)


def test_the_networks_of_photographs_are_small():
    files = [*PRETRAINED_PATH.parent.glob("photographs_*.npz")]
    assert len(files) == 2 and sum(path.stat().st_size for path in files) < 1_000_000
    with pytest.raises(ValueError, match="channels must be 1, for grey"):
        dae.load_photo_denoiser(4)


COLOUR = Image.fromarray(np.uint8([[[255, 0, 0], [0, 51, 0], [0, 0, 102]]]))  # 1 x 3
GREY = Image.fromarray(np.uint8([[0, 51, 255]]))
KINDS = {  # what is saved, the file's name, and the values that are read
    "grey": (GREY, "a.png", [0, 0.2, 1]),
    "colour": (COLOUR, "a.png", [1, 0, 0, 0, 0.2, 0, 0, 0, 0.4]),
    "palette": (COLOUR.convert("P", palette=1), "a.gif", None),
    "black and white": (GREY.convert("1", dither=0), "a.png", [0, 0, 1]),
    "16 bits": (Image.fromarray(np.uint16([[0, 13107, 65535]])), "a.png", [0, 0.2, 1]),
    "print colours": (COLOUR.convert("CMYK"), "a.tif", None),
    "transparent": (Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "a.png", [1, 1, 1]),
    "half seen": (Image.new("LA", (1, 1), (0, 51)), "a.png", [0.8]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_every_kind_are_read(kind, tmp_path):
    image, name, values = KINDS[kind]
    image.save(tmp_path / name)
    picture = dae.read_picture(tmp_path / name)
    assert picture.dtype == np.float32 and picture.shape[:3] == (1, *image.size[::-1])
    if values:
        np.testing.assert_allclose(picture.ravel(), values, atol=1e-6)
    else:
        assert picture.shape[3] == 3


def test_a_picture_is_turned_as_the_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right
    GREY.save(tmp_path / "a.png", exif=exif)
    picture = dae.read_picture(tmp_path / "a.png")
    np.testing.assert_allclose(picture[0, :, 0, 0], [0, 0.2, 1], atol=1e-6)


def test_what_is_no_picture_is_told_with_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        dae.read_picture(tmp_path / "none.png")
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(ValueError, match=r"a\.png: no picture that can be read"):
        dae.read_picture(tmp_path / "a.png")
    Image.fromarray(np.float32([[0.5, 3]])).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="floating-point numbers"):
        dae.read_picture(tmp_path / "a.tif")
    COLOUR.resize((90, 90)).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.jpg: no picture that can be read"):
        dae.read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_comes_back_from_its_file(channels, tmp_path):
    picture = np.round(np.random.default_rng(0).random((1, 5, 7, channels)) * 255) / 255
    dae.write_picture(picture, tmp_path / "clean.png")
    np.testing.assert_allclose(
        dae.read_picture(tmp_path / "clean.png"), picture, atol=1e-6
    )
    with pytest.raises(FileExistsError, match="overwrite=True"):
        dae.write_picture(picture, tmp_path / "clean.png")
    dae.write_picture(1 - picture, tmp_path / "clean.png", overwrite=True)
    assert dae.read_picture(tmp_path / "clean.png")[0, 0, 0, 0] == pytest.approx(
        1 - picture[0, 0, 0, 0]
    )


def test_a_picture_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ValueError, match="path must end in a format of pictures"):
        dae.write_picture(np.zeros((1, 2, 2, 3)), tmp_path / "clean.xyz")
    with pytest.raises(ValueError, match=r"picture must have shape \(1, H, W, 1\)"):
        dae.write_picture(np.zeros((2, 2, 2, 3)), tmp_path / "clean.png")
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_the_score_of_black_is_that_of_the_digits(mnist):
    x_test = mnist[2][0].astype(float)
    found = dae.score(lambda noisy: np.zeros(noisy.shape))
    errors = np.mean(x_test**2, axis=(1, 2, 3))
    assert found["MSE"].mean == pytest.approx(errors.mean())
    assert found["PSNR (dB)"].mean == pytest.approx(np.mean(-10 * np.log10(errors)))
    assert found["SSIM"].low < found["SSIM"].mean < found["SSIM"].high


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda noisy: noisy[:, :-1], "same shape"),
        (lambda noisy: 2 * noisy + 0.1, r"all values in \[0, 1\]"),
        (lambda noisy: np.full(noisy.shape, np.nan), r"all values in \[0, 1\]"),
        (lambda noisy: np.uint8(255 * noisy), "floating point"),
    ],
)
def test_a_score_is_not_given_for_other_answers(wrong, told):
    with pytest.raises((TypeError, ValueError), match=told):
        dae.score(wrong)


def test_the_lines_for_a_picture_of_one_s_own_run_as_they_stand(
    notebook, tmp_path, monkeypatch
):
    """The lesson and the README have the same; colour and odd size come back."""
    pattern = r"```python\n((?:import dae\n\n)?picture = .*?)```"
    (cell,) = (cell for cell in notebook.cells if cell.id == "s-own-end")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (here,), (there,) = (re.findall(pattern, t, re.S) for t in (cell.source, readme))
    assert there == "import dae\n\n" + here
    monkeypatch.chdir(tmp_path)
    clean = data.chelsea()[:101, :75]
    noise = np.random.default_rng(0).normal(0, 40, clean.shape)
    noisy = np.uint8(np.clip(clean + noise, 0, 255))
    Image.fromarray(noisy).save("my.png")
    exec(there, {})
    found = np.asarray(Image.open("clean.png"), float)
    assert found.shape == clean.shape
    errors = [
        np.mean((found - clean) ** 2),
        np.mean((noisy.astype(float) - clean) ** 2),
    ]
    assert errors[0] < errors[1] / 8
    with pytest.raises(FileExistsError):  # nothing is overwritten unasked
        exec(there, {})
