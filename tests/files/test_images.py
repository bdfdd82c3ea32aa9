"""Pixels of image files as a person looks at them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shareconsole.files.images import read_header, read_image

# What the eight orientations of EXIF do to the stored pixels.
TURNS = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("kind", ["L", "RGB", "I;16"])
def test_a_tiff_is_turned_as_its_orientation_says(tmp_path, kind, compression, orientation):
    shape = (16, 24, 3) if kind == "RGB" else (16, 24)
    highest, dtype = (2**16, np.uint16) if kind == "I;16" else (2**8, np.uint8)
    stored = np.random.default_rng(0).integers(0, highest, shape).astype(dtype)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {} if compression is None else {"compression": compression}
    Image.fromarray(stored).save(tmp_path / "x.tif", exif=exif, **how)
    wanted = TURNS[orientation](stored)
    header = read_header(tmp_path / "x.tif")
    assert (header.rows, header.columns) == wanted.shape[:2]
    found, again = read_image(tmp_path / "x.tif", "rgb" if kind == "RGB" else "gray", 0)
    assert again == header
    if kind == "I;16":
        wanted = wanted >> 8
    assert np.array_equal(found, wanted.transpose(2, 0, 1) if kind == "RGB" else wanted[None])


def test_a_jfif_is_a_jpeg(tmp_path):
    Image.new("L", (4, 6), 90).save(tmp_path / "x.jfif", "JPEG")
    found, header = read_image(tmp_path / "x.jfif", "gray", 0)
    assert (header.rows, header.columns) == (6, 4)
    assert found.shape == (1, 6, 4)
