"""Pictures for an exported network, and what is said of files that are none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shareconsole.errors import DataDamaged, DataMissing, UsageError
from shareconsole.files.images import read_image
from shareconsole.trainer.standalone import export
from shareconsole.trainer.standalone.export import task_network
from shareconsole.trainer.standalone.formats import to_safetensors
from shareconsole.trainer.standalone.pictures import Wanted, read_pictures
from shareconsole.trainer.standalone.predict import predict
from tests.trainer import exporting

GREY = Wanted((1, 4, 6), torch.float32, True, 0.0, 1.0)
COLOUR = Wanted((3, 4, 6), torch.float64, True, 0.0, 1.0)
NUMBERS = Wanted((1, 4, 6), torch.float32, False, -1.0, 3.0)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def test_an_image_becomes_what_training_made_of_it(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    for wanted, color in ((GREY, "gray"), (COLOUR, "rgb")):
        found = read_pictures(path, wanted, resize=False)
        assert (found.dtype, found.shape) == (wanted.dtype, (1, *wanted.shape))
        pixels = torch.from_numpy(read_image(path, color, 0)[0].copy()).to(wanted.dtype)
        assert torch.equal(found[0], pixels / 255)


def test_an_image_of_another_size_is_resized_only_if_asked(tmp_path):
    path = tmp_path / "a.bmp"
    Image.fromarray(np.repeat(np.repeat(PIXELS, 2, 0), 3, 1)).save(path)
    with pytest.raises(DataDamaged, match=r"a.bmp: has 8x18 pixels .* takes 4x6; --resize"):
        read_pictures(path, COLOUR, resize=False)
    found = read_pictures(path, COLOUR, resize=True)
    assert torch.equal(found[0], torch.from_numpy(PIXELS.transpose(2, 0, 1)).double() / 255)


@pytest.mark.parametrize(
    ("array", "wanted", "scale"),
    [
        (PIXELS[:, :, 0], GREY, 255),
        (PIXELS[None, :, :, 0], GREY, 255),
        (np.stack([PIXELS.transpose(2, 0, 1)] * 2), COLOUR, 255),
        (np.float64([[[[0.25] * 6] * 4]]), GREY, 1),
        (np.asfortranarray(np.full((1, 4, 6), 2.5, ">f4")), NUMBERS, 1),
    ],
)
def test_arrays(tmp_path, array, wanted, scale):
    np.save(tmp_path / "a.npy", array)
    found = read_pictures(tmp_path / "a.npy", wanted, resize=True)
    assert found.dtype == wanted.dtype
    expected = array.astype("f8").reshape(-1, *wanted.shape) / scale
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((7, 4, 6), GREY),  # as [data] name = "arrays" takes them too
        ((7, 4, 6, 1), GREY),
        ((4, 6, 1), GREY),
        ((7, 4, 6, 3), COLOUR),
        ((4, 6, 3), COLOUR),
    ],
)
def test_arrays_without_channels_or_with_these_last(tmp_path, shape, wanted):
    array = np.random.default_rng(0).random(shape)
    np.save(tmp_path / "a.npy", array)
    found = read_pictures(tmp_path / "a.npy", wanted, resize=False)
    last = array.reshape(-1, *wanted.shape[1:], wanted.shape[0])
    np.testing.assert_allclose(found.numpy(), last.transpose(0, 3, 1, 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "wanted", "message"),
    [
        (np.zeros((4, 5)), GREY, r"has the shape \[4, 5\], the network takes \[1, 4, 6\] or \[N"),
        (np.zeros((4, 6)), COLOUR, "has the shape"),
        (np.zeros((0, 1, 4, 6)), GREY, "has the shape"),
        (np.zeros((1, 4, 6), int), GREY, "holds int64, not uint8, bool or floating-point"),
        (np.full((1, 4, 6), np.nan), GREY, "holds NaN"),
        (np.zeros((1, 4, 6), np.uint8), NUMBERS, "trained on numbers from -1 to 3"),
        (np.array([[None]]), GREY, "Python objects"),
    ],
)
def test_arrays_that_will_not_do(tmp_path, array, wanted, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataDamaged, match=rf"a.npy: .*{message}"):
        read_pictures(tmp_path / "a.npy", wanted, resize=True)


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataDamaged, match=r"a.png: cannot be read as an image"):
        read_pictures(tmp_path / "a.png", GREY, resize=False)
    with pytest.raises(DataDamaged, match=r"a.txt: by its name no image"):
        read_pictures(tmp_path / "a.txt", GREY, resize=False)
    for name in ("none.npy", "none.png"):
        with pytest.raises(DataMissing, match=f"{name}: no such file"):
            read_pictures(tmp_path / name, GREY, resize=False)
    with pytest.raises(DataDamaged, match=r"takes 2 channels; give it .npy"):
        read_pictures(tmp_path / "a.png", GREY.__class__((2, 4, 6), torch.float32, True, 0, 1),
                      resize=False)  # fmt: skip


@pytest.fixture
def model(tmp_path):
    """A file of a small network of the digits, the network, and its metadata."""
    built = exporting.experiment(tmp_path, "convnet", "learned_sharing", steps=20)
    run = exporting.saved(built)
    made = task_network(run, 0, fold=True)
    order = export.Order("a-run", "upright-1", "safetensors", "m", fold=True)
    metadata = export._metadata(run, 0, made, order)
    path = tmp_path / "m.safetensors"

    def write(**changes):
        path.write_bytes(to_safetensors(made.network, None, {**metadata, **changes}))
        return str(path)

    return built, write


def test_predictions_are_the_run_s_and_one_bad_file_does_not_keep_the_others(model, tmp_path):
    built, write = model
    names = [f"class {k}" for k in range(10)]
    images = built.data.test.task_images(0)[:300]
    np.save(tmp_path / "many.npy", images.numpy())
    np.save(tmp_path / "one.npy", images[0].numpy())
    files = [str(tmp_path / name) for name in ("many.npy", "bad.png", "one.npy")]
    (tmp_path / "bad.png").write_text("no")
    told = [*predict(write(classes=names), files, resize=False, top=3)]
    assert [m["kind"] for m in told[:2]] == ["network", "note"]
    del told[1]
    assert [m["kind"] for m in told[1:]] == [*["prediction"] * len(images), "failure",
                                             "prediction"]  # fmt: skip
    assert told[-2]["file"] == files[1]
    assert [m["image"] for m in told[1:-2]] == list(range(len(images)))
    assert told[-1]["image"] is None
    expected = built.method.logits(0, images).double().softmax(1)
    for message, row in zip([*told[1:-2], told[-1]], [*expected, expected[0]], strict=True):
        best = row.argsort(descending=True)[:3].tolist()
        assert [each["index"] for each in message["classes"]] == best
        assert [each["class"] for each in message["classes"]] == [names[k] for k in best]
        found = [each["probability"] for each in message["classes"]]
        np.testing.assert_allclose(found, row[best], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a"]}, "weights and metadata do not fit"),
        ({"classes": None}, "weights and metadata do not fit"),
        ({"architecture": {"network": {"name": "x"}, "recipe": []}}, "do not fit"),
        # Torch's second line, which says what is wrong.
        ({"batch_norm_folded": False}, "do not fit: .*: Missing key"),
        ({"input": {"shape": [1, 8, 8], "dtype": "float32"}}, "its metadata are damaged"),
    ],
)
def test_a_model_that_is_damaged_is_refused(model, changes, message):
    _, write = model
    with pytest.raises(DataDamaged, match=message):
        list(predict(write(**changes), [], resize=False, top=1))


def test_weights_that_are_cut_short(model):
    _, write = model
    path = Path(write())
    data = path.read_bytes()
    for missing in (1, 4, 8, 100, len(data) - 20):
        path.write_bytes(data[:-missing])
        with pytest.raises(DataDamaged, match=r"damaged: .* is cut short|or cut short"):
            list(predict(str(path), [], resize=False, top=1))


def test_models_that_are_none(tmp_path):
    archive = tmp_path / "a.pt2"
    torch.save({}, archive)
    cases = {
        "a.pt2": "was not written by export-model",
        "none.pt2": "no such file",
        ".": "not a regular file",
        "b.onnx": "ONNX is for other programs",
        "cut.pt2": "is damaged",
        "empty.pt2": "is damaged: File is not a zip file",
    }
    (tmp_path / "empty.pt2").touch()
    (tmp_path / "b.onnx").write_bytes(b"\x08\x0a")
    (tmp_path / "cut.pt2").write_bytes(archive.read_bytes()[:200])
    for name, message in cases.items():
        with pytest.raises(UsageError, match=message):
            list(predict(str(tmp_path / name), [], resize=False, top=1))


def test_what_is_called_safetensors_never_reaches_torch(tmp_path, monkeypatch):
    """Loading torch's archive can run code in it; the other format is there to be safe."""
    monkeypatch.setattr(torch.export, "load", None)
    for name in ("a.safetensors", "A.SafeTensors", ".safetensors"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 and the rest of an archive")
        with pytest.raises(DataDamaged, match="no safetensors but a zip"):
            list(predict(str(tmp_path / name), [], resize=False, top=1))


def test_numbers_far_from_those_of_training_are_remarked_on(model, tmp_path):
    built, write = model
    images = built.data.test.task_images(0)[:2].numpy()
    np.save(tmp_path / "as it was.npy", images)
    np.save(tmp_path / "as bytes.npy", np.float32(255) * images)
    files = [str(tmp_path / name) for name in ("as it was.npy", "as bytes.npy")]
    told = [*predict(write(), files, resize=False, top=1)]
    notes = [m["message"] for m in told if m["kind"] == "note"]
    assert len(notes) == 1
    assert notes[0].startswith(f"{files[1]}: has numbers from 0 to 255, training had 0 to 1;")


def test_bool_arrays_are_0_and_1_as_in_training(tmp_path):
    array = np.arange(24).reshape(1, 4, 6) % 3 == 0
    np.save(tmp_path / "a.npy", array)
    found = read_pictures(tmp_path / "a.npy", GREY, resize=False)
    assert torch.equal(found[0], torch.from_numpy(array).float())


def test_what_somebody_names_is_read_or_told_for_what_it_is(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / ".hidden.png")
    assert read_pictures(tmp_path / ".hidden.png", COLOUR, resize=False).shape == (1, 3, 4, 6)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DataDamaged, match="is a folder; name the files in it"):
        read_pictures(tmp_path / "folder.png", COLOUR, resize=False)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataDamaged, match="is no regular file"):
        read_pictures(tmp_path / "pipe.png", COLOUR, resize=False)
