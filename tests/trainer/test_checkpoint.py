"""Writing checkpoints: hashed on their way to the disk, which may fill up meanwhile."""

from __future__ import annotations

import errno
import resource
import tracemalloc
from contextlib import contextmanager

import pytest
import torch

from shareconsole.store.atomic import sha256_file
from shareconsole.store.folder import RunFolder
from shareconsole.trainer.checkpoint import STATE, load_newest, save_checkpoint
from shareconsole.trainer.manifest import Surroundings, read_manifest

SURROUNDINGS = Surroundings("0", 1, "cpu", "0")
NUMBERS = torch.arange(500_000)  # 4 MB


@contextmanager
def files_up_to(num_bytes: int):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def save(folder: RunFolder, step: int):
    state = {"experiment": {"generators": {}}, "numbers": NUMBERS}
    return save_checkpoint(folder, step, 1, state, SURROUNDINGS)


def test_a_checkpoint_is_what_was_hashed_and_never_in_memory_as_a_whole(folder):
    tracemalloc.start()
    try:
        where = save(folder, 1)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    manifest = read_manifest(where)
    assert manifest.sha256 == sha256_file(where / STATE)
    assert manifest.bytes == (where / STATE).stat().st_size > 4_000_000
    state, _ = load_newest(folder, lambda name, reason: None)
    assert torch.equal(state["numbers"], NUMBERS)
    assert most < 2_000_000


def test_no_room_in_the_middle_of_a_checkpoint_is_told_as_such_and_leaves_nothing(folder):
    save(folder, 1)
    with files_up_to(2_000_000), pytest.raises(OSError, match="File too large") as caught:
        save(folder, 2)
    assert caught.value.errno == errno.EFBIG
    assert [path.name for path in folder.checkpoints.iterdir()] == ["000000001"]
    save(folder, 2)
    _, manifest = load_newest(folder, lambda name, reason: None)
    assert manifest.step == 2
