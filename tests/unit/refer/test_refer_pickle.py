"""Pickles of plain data are read, whoever wrote them; of others nothing is run, and little memory and time is taken."""

import collections
import os
import pickle
import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import refer_pickle
from data.refer_pickle import load_pickle
from polygon import UserError

REFS = [
    {
        "ref_id": 1,
        "ann_id": 2**40,
        "sentences": [{"raw": "Café  à gauche", "sent": "cafe", "tokens": ["cafe"], "sent_id": -3}],
        "split": "train",
        "area": 2.5,
        "flags": [True, False, None],
    }
]


@pytest.fixture
def load(tmp_path):
    """`load(content)`: what comes of a file with these bytes."""

    def load(content: bytes):
        (tmp_path / "refs(unc).p").write_bytes(content)
        return load_pickle(tmp_path / "refs(unc).p")

    return load


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(load, protocol):
    assert load(pickle.dumps(REFS, protocol)) == REFS
    assert load(pickle.dumps({"a": {1, 2}, "b": frozenset("x")}, protocol)) == {"a": {1, 2}, "b": {"x"}}
    assert load(pickle.dumps((1, (), ("a",), (1, 2, 3), (1, 2, 3, 4)), protocol)) == [
        1,
        [],
        ["a"],
        [1, 2, 3],
        [1, 2, 3, 4],
    ]


@pytest.mark.parametrize("protocol", [0, 2])
def test_python_2_strings_are_text(load, python2_pickler, tmp_path, protocol):
    with (tmp_path / "written").open("wb") as file:
        python2_pickler(file, protocol).dump([*REFS, "long " * 99])
    content = (tmp_path / "written").read_bytes()
    assert pickle.UNICODE not in content[:1] + content[-400:]
    assert load(content) == [*REFS, "long " * 99]


def test_python_2_strings_that_are_no_utf_8_are_latin_1(load):
    assert load(b"\x80\x02U\x04caf\xe9.") == "café"
    assert load(b"S'caf\\xe9'\n.") == "café"


class Runs:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Plain:
    """Pickled as an instance of a class with a state."""

    def __init__(self):
        self.a = 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (Runs(os.system, "touch pwned"), r"(posix|nt)\.system"),
        (Runs(eval, "1"), r"(builtins|__builtin__)\.eval"),
        (Runs(getattr, [], "append"), r"(builtins|__builtin__)\.getattr"),
        ([{"ref_id": Runs(subprocess.run, ["touch", "pwned"])}], r"(subprocess|commands)\.run"),
        (np.arange(3), r"numpy"),
        (np.float64(1), r"numpy"),
        (collections.OrderedDict(a=1), r"collections\.OrderedDict"),
        (Plain(), r"(copy_reg\._reconstructor|copyreg\._reconstructor|test_refer_pickle\.Plain)"),
        (Path("x"), r"pathlib|copy_?reg"),
        (object, r"object"),
    ],
)
def test_anything_else_is_refused_and_not_run(load, tmp_path, monkeypatch, value, refused, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=rf"refs\(unc\)\.p: refused .*{refused}.*: only lists, dicts, numbers and strings"
    ):
        load(pickle.dumps(value, protocol))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"cos\nsystem\n(S'touch pwned'\ntR.", "os.system"),
        (b"(S'touch pwned'\nios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"(cos\nsystem\nS'touch pwned'\no.", "os.system"),
        (b"\x82\x01.", "the instruction EXT1"),
        (b"P1\n.", "the instruction PERSID"),
        (b"]}b.", "the instruction BUILD"),
        (b"\x96" + struct.pack("<Q", 1 << 40) + b".", "the instruction BYTEARRAY8"),
        (b"c__main__\n" + b"x" * 100_000 + b"\n.", "__main__.xxx"),
    ],
)
def test_hand_made_programs_are_refused(load, tmp_path, monkeypatch, content, refused):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=refused) as error:
        load(content)
    assert len(str(error.value)) < 500 + len(str(tmp_path))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"hello",
        pickle.dumps(REFS)[:-20],
        b"\x80\x63N.",
        b"g99\n.",
        b"]" + b"2" * 9 + b"e.",
        b"(]]s.",
        b"}]Ns.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x8d" + struct.pack("<Q", 1 << 60) + b"x.",
        b"B" + struct.pack("<I", (1 << 32) - 1) + b"x.",
    ],
)
def test_damage_is_named(load, content):
    with pytest.raises(UserError, match=r"refs\(unc\)\.p is no whole pickle"):
        load(content)


def test_a_bomb_takes_neither_memory_nor_time(tmp_path):
    """Numbers of the memo that C's unpickler allocates for, and tuples whose hash doubles with every level."""
    nest = b"\x80\x02" + b"N0N" + b"2\x86" * 64
    bombs = [b"\x80\x02Nr" + struct.pack("<I", (1 << 31) + 5) + b".", b"]" * 100_000 + b"a" * 99_999 + b"."]
    bombs += [b"}" + nest + b"Ns.", b"\x80\x04\x8f(" + nest[2:] + b"\x90."]
    script = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from data.refer_pickle import load_pickle\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n"
        "        load_pickle(path)\n"
        "        print('read')\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    paths = [tmp_path / str(number) for number in range(len(bombs))]
    for path, bomb in zip(paths, bombs, strict=True):
        path.write_bytes(bomb)
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = [sys.executable, "-c", script, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == ["read", "read", "UserError", "UserError"]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began < 20


def test_files_are_bounded_and_missing_ones_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"cannot read .*gone\.p: No such file"):
        load_pickle(tmp_path / "gone.p")
    (tmp_path / "large.p").write_bytes(pickle.dumps(["x" * 3000]))
    monkeypatch.setattr(refer_pickle, "_MAX_BYTES", 2000)
    with pytest.raises(UserError, match=r"large\.p has 0 MB, more than any"):
        load_pickle(tmp_path / "large.p")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@settings(max_examples=40)
@given(value=plain, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back_as_it_was(tmp_path_factory, value, protocol):
    path = tmp_path_factory.getbasetemp() / "any.p"
    path.write_bytes(pickle.dumps(value, protocol))
    assert load_pickle(path) == value


@given(content=st.binary(max_size=200))
def test_any_bytes_give_data_or_a_user_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.p"
    path.write_bytes(content)
    try:
        load_pickle(path)
    except UserError as error:
        assert str(path) in str(error)
