import errno
import json
import os
import threading

import pytest

from closedbook.errors import UserError
from closedbook.files import must_not_exist, new_directory, new_file, read_json, write_text
from closedbook.locks import LOCK, held, locked


def test_a_directory_appears_when_it_is_complete(tmp_path):
    with new_directory(tmp_path / "a" / "b") as partial:
        (partial / "f").write_text("x")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b" / "f").read_text() == "x"


def test_where_nothing_can_be_written_is_said_before_anything_is_done(tmp_path):
    must_not_exist(tmp_path / "new" / "deep" / "f")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="exists already; choose another place or remove it"):
        must_not_exist(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot be written .*file is no directory"):
        must_not_exist(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("number", "sentence"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "cannot be written")]
)
def test_what_fails_leaves_nothing(tmp_path, number, sentence):
    with pytest.raises(UserError, match=sentence), new_directory(tmp_path / "d"):
        raise OSError(number, "refused")
    assert list(tmp_path.iterdir()) == []


def test_a_file_appears_when_it_is_complete_or_not_at_all(tmp_path):
    with new_file(tmp_path / "a" / "f") as partial:
        partial.write_text("x")
        assert not (tmp_path / "a" / "f").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["f"]
    with pytest.raises(UserError, match="exists already"), new_file(tmp_path / "a" / "f"):
        pass
    with pytest.raises(UserError, match="the disk is full"), new_file(tmp_path / "a" / "g"):
        raise OSError(errno.ENOSPC, "refused")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["f"]


def test_a_text_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    write_text(tmp_path / "f", "old")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(UserError, match="the disk is full"):
        write_text(tmp_path / "f", "new")
    assert (tmp_path / "f").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_process_left_is_written_over(tmp_path):
    (tmp_path / ".d.partial").mkdir()
    (tmp_path / ".d.partial" / "old").write_text("half")
    (tmp_path / ".f.partial").write_text("a half that is longer than the whole")
    with new_directory(tmp_path / "d") as partial:
        (partial / "new").write_text("x")
    write_text(tmp_path / "f", "whole")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["d", "f", "new"]
    assert (tmp_path / "f").read_text() == "whole"


@pytest.mark.parametrize("write", [lambda path: write_text(path, "x"), lambda path: new_directory(path).__enter__()])
def test_a_link_in_the_way_is_not_followed(tmp_path, write):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("x")
    (tmp_path / ".out.partial").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "out")
    assert (tmp_path / "mine" / "thesis").read_text() == "x"


def test_one_directory_has_one_writer(tmp_path):
    with (
        new_directory(tmp_path / "d"),
        pytest.raises(UserError, match="another process is writing it"),
        new_directory(tmp_path / "d"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_writers_of_one_file_take_turns(tmp_path):
    texts = [str(number) * 100_000 for number in range(4)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "f", text)) for text in texts * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "f").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_lock_says_whose_it_is_and_leaves_nothing(tmp_path):
    with locked(tmp_path / "a" / "b"):
        assert read_json(tmp_path / "a" / "b" / LOCK)["process"] == os.getpid()
        with pytest.raises(UserError, match=rf"b: process {os.getpid()} on .* \(since .*\) is writing it"):
            locked(tmp_path / "a" / "b").__enter__()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / LOCK).write_text(json.dumps({"process": 1}))  # of a dead process
    with locked(tmp_path / "a"), held(tmp_path / "a"):
        (tmp_path / "a" / "kept").write_text("x")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_that_knows_no_locks_is_written_to(tmp_path, monkeypatch, number):
    def refuse(handle, how):
        raise OSError(number, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path / "out"):
        write_text(tmp_path / "out" / "f", "x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f"]


def test_a_directory_below_a_file_is_refused(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(UserError, match="Not a directory"):
        write_text(tmp_path / "f" / "g", "x")


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{", "\udc80".encode("utf-8", "surrogatepass")])
def test_what_is_no_json_object_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "f").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match="f: damaged"):
        read_json(tmp_path / "f")
