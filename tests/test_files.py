"""Files are whole or absent, whatever happens while they are written."""

import errno
import os

import pytest

from skycrane.errors import InputError
from skycrane.files import atomic_path, check_writable, sha256_file, write_json


def test_a_failed_write_leaves_the_old_file_and_no_partial(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "b": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_partial_keeps_the_suffix(tmp_path):
    with atomic_path(tmp_path / "film.mp4") as partial:
        assert partial.suffix == ".mp4"
        assert ".partial" in partial.name
        partial.write_bytes(b"x")


def test_a_full_disk_is_told_as_such(tmp_path):
    with pytest.raises(InputError, match=r"No space left.*Free space"), atomic_path(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_directory(tmp_path):
    (tmp_path / "here").write_text("")
    with pytest.raises(InputError, match="choose a directory"):
        check_writable(tmp_path / "here" / "run")


def test_hash_of_a_tree_sees_names_and_content(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a").write_text("1")
    first = sha256_file(tmp_path / "t")
    (tmp_path / "t" / "a").rename(tmp_path / "t" / "b")
    second = sha256_file(tmp_path / "t")
    (tmp_path / "t" / "b").write_text("2")
    assert len({first, second, sha256_file(tmp_path / "t")}) == 3
