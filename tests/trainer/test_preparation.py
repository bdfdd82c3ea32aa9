"""Pictures as they are published become, for an exported network, what training saw of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from shareconsole.datasets.overlaid import CANVAS, SHIFT, overlay, pairs
from shareconsole.errors import DataDamaged
from shareconsole.files.celeba import FACES
from shareconsole.files.idx import read_idx
from shareconsole.files.known import FILE_SETS
from shareconsole.sharing.data import scale
from shareconsole.spec.data.celeba import CelebaOptions
from shareconsole.spec.data.digits import DigitsOptions, PlantedOptions
from shareconsole.spec.data.handwriting import GlyphsOptions, MnistRotationsOptions
from shareconsole.spec.data.omniglot import OmniglotOptions
from shareconsole.spec.data.overlaid import MultiMnistOptions
from shareconsole.spec.data.own import FolderOptions
from shareconsole.spec.data.three_clusters import ThreeClustersOptions
from shareconsole.spec.datasets import DATASETS
from shareconsole.spec.preparation import Preparation
from shareconsole.trainer.build import load_data
from shareconsole.trainer.resolving import resolve
from shareconsole.trainer.standalone.export import Order, export, task_network
from shareconsole.trainer.standalone.pictures import Wanted, read_pictures
from shareconsole.trainer.standalone.predict import predict
from shareconsole.trainer.standalone.safetensors import decode, encode
from shareconsole.trainer.standalone.saved_run import read_saved
from tests.datasets.celeba_files import faces, write_celeba, write_faces
from tests.datasets.official import cifar100_members, write_cifar, write_glyphs
from tests.datasets.omniglot_zips import ALPHABETS, drawing, members, write_zip

SMALL = {"train": 5, "test": 4}


def trained_on(options, task: str):
    """(images and class names of a task's training images, what predict has to know of them)."""
    data = resolve(DATASETS[options.name].target)(options)
    index = data.task_names.index(task)
    images = scale(data.train.task_images(index), torch.float32)
    told = options.preparation(index).model_dump(mode="json")
    inside = {"shape": data.input_shape, "scaling": "bytes / 255", "lowest": 0, "highest": 1}
    wanted = Wanted.of({"input": {**inside, "preparation": told}}, torch.float32)
    labels = data.train.labels[index].tolist()
    names = data.class_names[index] if data.class_names else [*map(str, range(10))]
    return list(zip(images, [names[label] for label in labels], strict=True)), wanted


def seen_as(path, pixels: np.ndarray, wanted: Wanted, *, resize: bool = False) -> torch.Tensor:
    Image.fromarray(pixels).save(path)
    return read_pictures(path, wanted, resize=resize)[0]


def classes_of(found: torch.Tensor, images: list) -> set[str]:
    """Names of the classes that have this very image."""
    return {name for image, name in images if torch.equal(image, found)}


@pytest.fixture
def omniglot(data):
    for name in ("images_background", "images_evaluation"):
        (data / "omniglot").mkdir(parents=True, exist_ok=True)
        write_zip(data / "omniglot" / f"{name}.zip", members(name))
    return {"name": "omniglot", "verify": "form", "alphabets": [*ALPHABETS]}


@pytest.mark.parametrize("size", [105, 28])
@pytest.mark.parametrize("more", [{"protocol": "maziarz"}, {"ink": "white"}, {"protocol": "lws"}])
def test_official_drawings_are_inverted_where_training_had_them_inverted(
    omniglot, tmp_path, size, more
):
    options = OmniglotOptions.model_validate({**omniglot, **more, "size": size})
    images, wanted = trained_on(options, "Angelic")
    for character in (0, 12, 19):
        found = [
            classes_of(seen_as(tmp_path / "x.png", drawing(character, person), wanted), images)
            for person in range(20)
        ]
        # Half of the drawings and more are for training; of no other character there is one.
        assert sum(map(bool, found)) in (10, 16)
        assert set().union(*found) == {f"character{character + 1:02}"}


def stored(data, name: str, split: str, number: int) -> np.ndarray:
    file_set = FILE_SETS[name]
    return read_idx(data / name / file_set.file(split, "images").name)[number]


def test_letters_stand_upright_in_pictures_and_lie_in_emnist(data, tmp_path):
    write_glyphs(data, "emnist_letters", SMALL)
    options = GlyphsOptions(name="glyphs", verify="form", sets=["emnist_letters"])
    images, wanted = trained_on(options, "emnist_letters")
    for number, name in ((0, "A"), (27, "B"), (25, "Z")):
        picture = stored(data, "emnist_letters", "train", number).T
        assert classes_of(seen_as(tmp_path / "x.png", picture, wanted), images) == {name}


def test_turned_tasks_take_upright_pictures(data, tmp_path):
    write_glyphs(data, "mnist", SMALL)
    options = MnistRotationsOptions(name="mnist_rotations", verify="form")
    picture = stored(data, "mnist", "train", 17)
    found = {}
    for task in ("upright-2", "rotated-1"):
        images, wanted = trained_on(options, task)
        found[task] = seen_as(tmp_path / "x.png", picture, wanted)
        assert classes_of(found[task], images) == {"7"}
    assert torch.equal(found["upright-2"].rot90(1, (1, 2)), found["rotated-1"])
    digits = load_digits()
    for task in ("upright-1", "rotated-1"):
        images, wanted = trained_on(DigitsOptions(name="digits"), task)
        known = torch.stack([image for image, _ in images])
        found = 0
        for digit, image in zip(digits.target[:300], digits.images[:300], strict=True):
            seen = seen_as(tmp_path / "x.png", np.uint8(image * 15.9375), wanted)
            near = (known - seen).abs().flatten(1).amax(1) <= 1 / 255
            found += any(images[i][1] == str(digit) for i in near.nonzero().flatten())
        # A hundred of all 1,797 are the task's training images.
        assert found > 10


def test_published_faces_are_reduced_as_for_training(data, tmp_path):
    write_celeba(data)
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 256, (10, 9, 3)), np.ones((22, 20, 1)))
    face = Image.fromarray(blocks[:218, :178].astype(np.uint8))
    face.save(tmp_path / "face.jpg", quality=95)
    inside = faces() | {"img_align_celeba/000003.jpg": (tmp_path / "face.jpg").read_bytes()}
    write_faces(data / "celeba" / FACES, inside)
    options = CelebaOptions(name="celeba", verify="form", size=48)
    images, wanted = trained_on(options, "Smiling")
    found = read_pictures(tmp_path / "face.jpg", wanted, resize=False)[0]
    assert classes_of(found, images) == {"Smiling"}
    assert torch.equal(found, images[2][0])
    with pytest.raises(DataDamaged, match="178x178"):
        seen_as(tmp_path / "x.png", np.asarray(face)[:178], wanted)


def test_small_grey_pictures_are_enlarged_as_for_training(data, tmp_path):
    write_cifar(data, "cifar100", cifar100_members(train=5))
    for name in ("mnist", "fashion_mnist"):
        write_glyphs(data, name, SMALL)
    options = ThreeClustersOptions(name="three_clusters", verify="form")
    images, wanted = trained_on(options, "fashion-without-3")
    picture = stored(data, "fashion_mnist", "train", 5)
    path = tmp_path / "x.png"
    assert classes_of(seen_as(path, picture, wanted), images) == {"sandal"}
    # Colours were none in training; what has the network's size is enlarged already.
    red = np.zeros((28, 28, 3), np.uint8)
    red[..., 0] = picture
    assert torch.equal(*seen_as(path, red, wanted)[:2])
    large = np.full((32, 32), 51, np.uint8)
    assert torch.equal(seen_as(path, large, wanted), torch.full((3, 32, 32), 51) / 255)
    with pytest.raises(DataDamaged, match="takes 32x32 or 28x28; --resize"):
        seen_as(path, picture.repeat(2, 0), wanted)
    double = picture.repeat(2, 0).repeat(2, 1)
    assert classes_of(seen_as(path, double, wanted, resize=True), images) == {"sandal"}
    _, colour = trained_on(options, "fish")
    assert not torch.equal(*seen_as(path, np.dstack([large, 2 * large, large]), colour)[:2])


def test_two_digits_on_a_canvas_are_reduced_as_for_training(data, tmp_path):
    write_glyphs(data, "mnist", {"train": 20, "test": 20})
    options = MultiMnistOptions(name="multimnist", verify="form")
    images, wanted = trained_on(options, "left")
    left, right = pairs(200, 200, options.split_seed, "train")
    digits = [stored(data, "mnist", "train", int(i[7]))[None] for i in (left, right)]
    canvas = overlay(*digits, SHIFT, CANVAS)[0]
    found = seen_as(tmp_path / "x.png", canvas, wanted)
    assert classes_of(found, images) == {str(left[7] % 10)}


def test_a_picture_of_rearranged_pixels_is_none(tmp_path):
    images, wanted = trained_on(PlantedOptions(name="planted"), "group1-task2")
    path = tmp_path / "x.png"
    with pytest.raises(DataDamaged, match=r"x.png: .*an order of their own.* give it .npy"):
        seen_as(path, np.zeros((8, 8), np.uint8), wanted)
    np.save(tmp_path / "x.npy", images[0][0].numpy())
    assert torch.equal(read_pictures(tmp_path / "x.npy", wanted, resize=False)[0], images[0][0])


def test_one_s_own_images_are_resized_if_those_of_training_were(tmp_path):
    options = FolderOptions(name="folder", path="nowhere", size=4)
    wanted = Wanted((1, 4, 4), torch.float32, True, 0, 1, options.preparation(0))
    square = np.arange(16, dtype=np.uint8).reshape(4, 4)
    wide = square.repeat(3, 0).repeat(5, 1)
    path = tmp_path / "x.png"
    assert torch.equal(seen_as(path, wide, wanted)[0], torch.from_numpy(square) / 255)
    assert FolderOptions(name="folder", path="nowhere").preparation(0) == Preparation()


@pytest.fixture
def maziarz(omniglot, tmp_path, make_run, train):
    """A run of four steps on two alphabets, ink white."""
    path = tmp_path / "small.toml"
    listed = ", ".join(map(repr, ALPHABETS))
    path.write_text(
        f"[data]\nname = 'omniglot'\nverify = 'form'\nalphabets = [{listed}]\nsize = 28\n"
        "protocol = 'maziarz'\n[network]\nname = 'convnet'\n[method]\nname = 'learned_sharing'\n"
    )
    folder = make_run("train.steps=4", preset=str(path))
    assert train(folder) == 0
    return folder


def test_a_network_that_left_its_run_sees_official_files_as_the_run_did(maziarz, tmp_path):
    model, picture = tmp_path / "m.safetensors", tmp_path / "0412_05.png"
    told = export(Order(str(maziarz.path), "Angelic", "safetensors", str(model)))
    how = told["input"]["preparation"]
    assert how == Preparation(
        ground="light", resizing="mean", size=(105, 105), inverted=True
    ).model_dump(mode="json")
    run = read_saved(maziarz, None)
    images = load_data(run.preset).test
    # The drawing that the first test image of the twelfth character is.
    image, label = images.images[1][6 * 11], int(images.labels[1][6 * 11])
    drawings = [drawing(label, person) for person in range(20)]
    paper = [255 - np.asarray(Image.fromarray(each).convert("L").resize((28, 28), 4))
             for each in drawings]  # fmt: skip
    person = next(p for p in range(20) if np.array_equal(paper[p], image[0]))
    Image.fromarray(drawings[person]).save(picture)
    with torch.no_grad():
        logits = task_network(run, 1, fold=False).network(scale(image[None], torch.float32))
    expected = logits.double().softmax(1)[0]
    best = int(expected.argmax())
    _, note, found = predict(str(model), [str(picture)], resize=False, top=1)
    assert note["message"].endswith(
        "on a light ground, resized by area mean from 105x105, inverted; "
        "the same is done to image files"
    )
    assert found["classes"][0]["class"] == f"character{best + 1:02}"
    assert found["classes"][0]["probability"] == pytest.approx(float(expected[best]), rel=1e-6)

    # A file of an older version lacks it: it is read, and that is said.
    tensors, texts = decode(model.read_bytes(), "m")
    metadata = json.loads(texts["shareconsole"])
    del metadata["input"]["preparation"]
    model.write_bytes(encode(tensors, {"shareconsole": json.dumps(metadata)}))
    _, note, found = predict(str(model), [str(picture)], resize=True, top=1)
    assert "did not record" in note["message"]
    np.save(tmp_path / "x.npy", image.numpy())
    kinds = [m["kind"] for m in predict(str(model), [str(tmp_path / "x.npy")], resize=0, top=1)]
    assert kinds == ["network", "prediction"]
    metadata["input"]["preparation"] = {"mirrored": True}
    model.write_bytes(encode(tensors, {"shareconsole": json.dumps(metadata)}))
    with pytest.raises(DataDamaged, match=r"metadata are damaged: input\.preparation"):
        list(predict(str(model), [], resize=False, top=1))
