import errno

import pytest

from closedbook.errors import UserError
from closedbook.files import new_directory, new_file, write_text


def test_a_directory_appears_when_it_is_complete(tmp_path):
    with new_directory(tmp_path / "a" / "b") as partial:
        (partial / "f").write_text("x")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b" / "f").read_text() == "x"


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
