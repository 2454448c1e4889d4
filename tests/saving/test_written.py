"""Files for people are written whole, with their mode, beside no one's trap, and leave nothing behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nlmkit.saving.written import written

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and devices of POSIX")


def write(path: Path, content: bytes = b"new") -> None:
    with written(path) as stream:
        stream.write(content)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    write(file, b"old")
    with pytest.raises(ZeroDivisionError), written(file) as stream:
        stream.write(b"half" * (1 // 0))
    assert file.read_bytes() == b"old"
    write(file)
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f.toml"]


@posix
def test_the_mode_of_a_file_is_kept_and_that_of_a_new_one_is_the_masks(tmp_path: Path) -> None:
    file = tmp_path / "f"
    for mode in (0o600, 0o640, 0o444):
        write(file)
        file.chmod(mode)
        write(file)
        assert stat.S_IMODE(file.stat().st_mode) == mode
    before = os.umask(0o027)
    try:
        write(tmp_path / "g")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "g").stat().st_mode) == 0o640


@posix
def test_no_link_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    link = tmp_path / "f"
    for target in (victim, tmp_path / "nothing"):
        link.symlink_to(target)
        write(link)
        assert link.read_bytes() == b"new"
        assert not link.is_symlink()
        link.unlink()
    (tmp_path / ".f.tmp").symlink_to(victim)
    write(tmp_path / "f")
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "nothing").exists()


@posix
def test_a_device_is_written_as_it_is_and_named_when_it_is_full(tmp_path: Path) -> None:
    link = tmp_path / "full.png"
    link.symlink_to("/dev/full")
    for path in (Path("/dev/full"), link):
        with pytest.raises(OSError, match="No space left") as error:
            write(path)
        assert error.value.filename == str(path)
    write(Path(os.devnull))


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_stdout_is_written_where_it_has_got_to(tmp_path: Path, name: str) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from nlmkit.saving.replacing import replacing; from nlmkit.saving.written import written\n"
        "print('first', flush=True)\n"
        "for way in (written(Path(sys.argv[1])), replacing(Path(sys.argv[1]), 'it is')):\n"
        "    with way as stream: stream.write(b'next\\n')\n"
        "print('last')"
    )
    with (tmp_path / "out").open("ab") as out:
        out.write(b"before\n")
        out.flush()
        subprocess.run([sys.executable, "-c", code, name], check=True, stdout=out)
    assert (tmp_path / "out").read_text().split() == ["before", "first", "next", "next", "last"]


@posix
def test_what_a_killed_writer_left_is_removed_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    file = tmp_path / "f"
    code = f"""
import os, pathlib, signal
from nlmkit.saving.written import written
with written(pathlib.Path({str(file)!r})) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0
    (left,) = os.listdir(tmp_path)
    with written(file) as outer:
        assert left not in os.listdir(tmp_path)
        outer.write(b"outer")
        write(file, b"inner")
        assert file.read_bytes() == b"inner"
    assert file.read_bytes() == b"outer"
    assert os.listdir(tmp_path) == ["f"]


@posix
def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    file = tmp_path / ("é" * 127)
    write(file)
    assert file.read_bytes() == b"new"
