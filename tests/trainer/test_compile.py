"""Runs whose units are compiled, through the real trainer."""

from __future__ import annotations

import psutil
import torch

from shareconsole.store.events import read_events
from shareconsole.store.status import derive_state
from tests.trainer.killing import difference, read, same_state

# One small unit: a C++ compiler takes seconds for each piece of code.
COMPILED = (
    "network.dense=[]",
    "method.modules=2",
    "device.engine=loop",
    "device.compile=true",
)


def warnings(folder) -> list[str]:
    return [event.data["message"] for event in read_events(folder) if event.kind == "warning"]


def test_a_run_resumes_exactly_says_what_it_is_and_leaves_nothing(
    make_run, train, compiler, capsys
):
    whole, parts, plain = make_run(*COMPILED), make_run(*COMPILED), make_run()
    assert train(whole) == train(parts, "--steps", "20") == 0
    # As in a new process.
    torch.compiler.reset()
    assert train(parts, "--steps", "40") == 0
    assert ", compiled by " in capsys.readouterr().out
    assert difference(read(parts), read(whole)) == ""
    assert same_state(parts, whole)
    (warning,) = warnings(whole)
    assert warning.startswith("units run through torch.compile, a deviation (device.compile); the ")
    assert psutil.Process().children(recursive=True) == []
    # No more files than any run has.
    assert train(plain) == 0
    names = [{path.name for path in folder.path.rglob("*")} for folder in (whole, plain)]
    assert names[0] == names[1]


def test_a_resume_with_another_compiler_is_refused_as_inexact(make_run, train, compiler):
    folder = make_run(*COMPILED)
    compiler.setattr("shareconsole.trainer.build.require_compiler", lambda device: None)
    compiler.setattr("shareconsole.trainer.device.compiler_of", lambda device: "g++ 98")
    with torch.compiler.set_stance("force_eager"):
        assert train(folder) == 0
    compiler.setattr("shareconsole.trainer.device.compiler_of", lambda device: "g++ 99")
    assert train(folder, "--steps", "50") == 2
    assert derive_state(folder).word == "finished"


def test_without_a_compiler_a_run_fails_before_its_first_step(make_run, train, compiler, capsys):
    from torch._inductor import config

    folder = make_run(*COMPILED)
    with config.patch({"cpp.cxx": ("no-such-compiler",)}):
        assert train(folder) == 1
    state = derive_state(folder)
    assert state.word == "failed"
    assert "needs a C++ compiler, and none was found" in state.reason
    assert "Traceback" not in capsys.readouterr().err
