"""Cropped training images: parts of the padded image, seeded, resumed exactly, and only drawn ones.

Batches are held against windows that the test cuts out of an image it pads itself.
"""

from __future__ import annotations

import pytest
import torch

from shareconsole.sharing.data import MISSING, BatchSampler, Split
from shareconsole.sharing.random_crop import RandomCrop
from shareconsole.sharing.seeding import Generators

ROWS, COLUMNS = 4, 5


def distinct(*sizes: int) -> Split:
    """Images of bytes that are all different, none of them 0; the label is the image's number."""
    random = torch.Generator().manual_seed(8)
    shapes = [(n, 2, ROWS, COLUMNS) for n in sizes]
    images = [torch.randint(1, 256, s, generator=random, dtype=torch.uint8) for s in shapes]
    return Split(tuple(images), tuple(torch.arange(n) for n in sizes))


def windows(image: torch.Tensor, padding: int) -> dict[tuple[int, int], torch.Tensor]:
    """Every window of an image [C, H, W] in the padded image, by how far it is moved."""
    channels, rows, columns = image.shape
    padded = torch.zeros(channels, rows + 2 * padding, columns + 2 * padding, dtype=image.dtype)
    padded[:, padding : padding + rows, padding : padding + columns] = image
    return {
        (top - padding, left - padding): padded[:, top : top + rows, left : left + columns]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    }


def moved(seen: torch.Tensor, image: torch.Tensor, padding: int) -> tuple[int, int]:
    """How far a stored image is moved in what a network sees; it is one window and no other."""
    byte = (seen * 255).round().to(torch.uint8)
    (found,) = [at for at, window in windows(image, padding).items() if torch.equal(byte, window)]
    return found


def sampler_of(split: Split, size: int, padding: int, generators: Generators) -> BatchSampler:
    return BatchSampler(split, size, torch.float64, generators, crop_padding=padding)


@pytest.mark.parametrize("padding", [1, 2])
def test_every_image_is_a_window_of_its_own_padded_image_and_all_places_are_alike(padding):
    split = distinct(6, 9)
    sampler = sampler_of(split, 40, padding, Generators(0))
    places = []
    for _ in range(10):
        batch = sampler.next()
        assert batch.inputs.shape == (2, 40, 2, ROWS, COLUMNS)
        for task in range(2):
            pairs = zip(batch.inputs[task], batch.labels[task], strict=True)
            places += [moved(x, split.images[task][y], padding) for x, y in pairs]
    number = (2 * padding + 1) ** 2
    counts = torch.tensor([places.count(place) for place in set(places)]).double()
    assert len(counts) == number
    # Chi-squared of 800 draws: beyond 2.2 times the degrees of freedom once in a hundred thousand.
    expected = len(places) / number
    assert float(((counts - expected) ** 2 / expected).sum()) < 2.2 * (number - 1) + 20


def test_cropping_changes_no_order_and_not_cropping_takes_no_stream():
    split = distinct(6, 9)
    plain = BatchSampler(split, 4, torch.float64, off := Generators(5))
    cropped = sampler_of(split, 4, 1, on := Generators(5))
    assert off.names == ["order/0", "order/1"]
    assert on.names == ["crop/0", "crop/1", "order/0", "order/1"]
    for _ in range(6):
        first, second = plain.next(), cropped.next()
        assert torch.equal(first.labels, second.labels)
        assert not torch.equal(first.inputs, second.inputs)
        for task in range(2):
            assert torch.equal(first.inputs[task] * 255, split.images[task][first.labels[task]])


def test_a_task_s_crops_do_not_depend_on_the_other_tasks():
    two, three = (sampler_of(distinct(*s), 4, 2, Generators(3)) for s in ((6, 9), (6, 9, 7)))
    for _ in range(4):
        assert torch.equal(two.next().inputs, three.next().inputs[:2])


def test_the_seed_decides_and_a_resumed_sampler_goes_on_exactly():
    def make(seed: int) -> tuple[BatchSampler, Generators]:
        generators = Generators(seed)
        return sampler_of(distinct(6, 9), 4, 2, generators), generators

    (first, streams), (alike, _), (other, fresh) = make(0), make(0), make(1)
    for _ in range(3):
        inputs = first.next().inputs
        assert torch.equal(inputs, alike.next().inputs)
        assert not torch.equal(inputs, other.next().inputs)
    saved, states = first.state_dict(), streams.state_dict()
    expected = [first.next().inputs for _ in range(5)]
    fresh.load_state_dict(states)
    other.load_state_dict(saved)
    assert all(torch.equal(other.next().inputs, inputs) for inputs in expected)


def test_all_images_come_as_they_are_and_some_are_drawn_and_cropped():
    split = distinct(5, 3)
    before = [images.clone() for images in split.images]
    sampler = sampler_of(split, 4, 2, Generators(2))
    sampler.next()
    for batch in sampler.passes(None, 2):
        for task in range(2):
            known = batch.labels[task] != MISSING
            own = split.images[task][batch.labels[task][known]]
            assert torch.equal(batch.inputs[task, known] * 255, own.double())
    places = set()
    for _ in range(4):
        for batch in sampler.passes(5, 2):
            for task in range(2):
                for x, y in zip(batch.inputs[task], batch.labels[task], strict=True):
                    # What only fills up is image 0, and is not moved.
                    place = moved(x, split.images[task][max(int(y), 0)], 2)
                    assert y != MISSING or place == (0, 0)
                    places.add(place)
    assert len(places) > 10
    assert all(map(torch.equal, before, split.images))


def test_passes_in_larger_parts_crop_alike():
    def seen(at_once: int) -> torch.Tensor:
        sampler = sampler_of(distinct(8), 4, 2, Generators(4))
        return torch.cat([batch.inputs[0] for batch in sampler.passes(8, at_once)])

    assert torch.equal(seen(2), seen(8))


def test_images_that_all_tasks_label_are_moved_once_for_all():
    images = distinct(7).images
    split = Split(images, (torch.arange(7), torch.arange(7)))
    batch = sampler_of(split, 5, 1, Generators(1)).next()
    assert batch.inputs.shape == (5, 2, ROWS, COLUMNS)
    for x, y in zip(batch.inputs, batch.labels[0], strict=True):
        moved(x, images[0][y], 1)


def test_images_of_numbers_are_padded_with_zeros_and_stay_numbers():
    images = torch.rand(1, 3, 1, 2, 2, dtype=torch.float64) + 1
    found = RandomCrop(2, 1, Generators(0))(images, [3])
    assert (found.shape, found.dtype) == (images.shape, images.dtype)
    for x, image in zip(found[0], images[0], strict=True):
        assert any(torch.equal(x, window) for window in windows(image, 2).values())
