"""Files for other programs: modes, temporaries, links, full disks."""

from __future__ import annotations

import gzip
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nlmkit import NGram, Vectors
from nlmkit.errors import ExportError, SavedModelError
from nlmkit.saving import save_folder
from nlmkit.saving.replacing import replacing

from .helpers import posix_only, subprocess_environment


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, content: bytes = b"new") -> None:
    with replacing(path, "a file is") as stream:
        stream.write(content)


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    for name in ("plain.arpa", "packed.arpa.gz"):
        path = tmp_path / name
        path.write_bytes(b"old")
        path.chmod(mode)
        write(path)
        assert mode_of(path) == mode
        assert (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()) == b"new"


@posix_only
@pytest.mark.parametrize("mask", [0o077, 0o022, 0o027])
def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o666 & ~mask


@posix_only
def test_nobody_else_reads_the_temporary_file_of_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with replacing(path, "a file is") as stream:
        stream.write(b"new")
        (temporary,) = set(tmp_path.iterdir()) - {path}
        assert mode_of(temporary) == 0o600


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_replaced_model_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "m"
    save_folder(folder, {}, arrays={"a": np.zeros(3)}, vocabulary=["x"])
    for file in folder.iterdir():
        file.chmod(mode)
    save_folder(folder, {}, arrays={"a": np.ones(3)}, vocabulary=["y"])
    assert {mode_of(file) for file in folder.iterdir() if file.name != ".lock"} == {mode}


KILLED = """
import os, signal, sys
from pathlib import Path
from nlmkit.saving.replacing import replacing
with replacing(Path(sys.argv[1]), "a file is") as stream:
    stream.write(b"half")
    stream.flush()
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.readline()
"""


@posix_only
def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    """Not what another process is writing, not a folder or link of such a name, nor any other file."""
    path = tmp_path / "lm.arpa"
    command = [sys.executable, "-c", KILLED, str(path)]
    killed = subprocess.run([*command, "kill"], env=subprocess_environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert not path.exists()
    (tmp_path / ".nlmkit-0123456789abcdef.tmp").mkdir()
    (tmp_path / ".nlmkit-1123456789abcdef.tmp").symlink_to("elsewhere")
    (tmp_path / ".tmp-0123456789abcdef").write_bytes(b"")
    kept = set(tmp_path.iterdir()) - {left}
    with subprocess.Popen(
        [*command, "wait"], env=subprocess_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        assert not left.exists()  # the second writer cleaned before it began
        (living,) = set(tmp_path.iterdir()) - kept
        write(path, b"mine")
        assert living.exists()
        other.communicate("\n")
    assert other.returncode == 0
    assert path.read_bytes() == b"half"  # the last one
    assert set(tmp_path.iterdir()) == {*kept, path}


@posix_only
def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    target, link = tmp_path / "sub" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "sub", "target"]


def test_nothing_is_exported_into_the_folder_of_a_saved_model(tmp_path: Path) -> None:
    """Whatever is exported; through a link neither."""
    lm = NGram(order=2).fit(["a b"])
    lm.save(tmp_path / "m")
    vectors = Vectors().fit({"a": [1.0], "b": [2.0]})
    before = {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()}
    (arrays,) = (tmp_path / "m").glob("arrays-*")
    for component, format, path in (
        (lm, "arpa", arrays),
        (lm, "arpa", tmp_path / "m" / "manifest.json"),
        (lm, None, tmp_path / "m" / "lm.arpa"),
        (vectors, "glove", arrays),
        (vectors, None, tmp_path / "m" / "v.vec"),
    ):
        with pytest.raises(ExportError, match="in the folder of the model"):
            component.export(path, format)
    if os.name == "posix":
        (tmp_path / "link.arpa").symlink_to(arrays)
        with pytest.raises(ExportError, match="in the folder of the model"):
            lm.export(tmp_path / "link.arpa")
    assert {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()} == before
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"name": "an app"}')
    lm.export(tmp_path / "web" / "lm.arpa")


FULL = """
import resource, signal, sys
from nlmkit import NGram, Vectors
lm = NGram(order=3).fit([" ".join(f"w{i*j % 97}" for i in range(50)) for j in range(100)])
vectors = Vectors().fit({f"w{i}": [(i * j * 7919 % 9973) / 7 for j in range(1, 51)] for i in range(500)})
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for name, work in {
    "lm.arpa": lm.export, "lm.arpa.gz": lm.export, "v.vec": vectors.export, "v.bin": vectors.export,
    "v.vec.gz": vectors.export, "m": lm.save,
}.items():
    try:
        work(name)
    except Exception as error:
        print(type(error).__name__, error)
"""


@posix_only
def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """Whatever is written, plain or packed; and nothing is left behind."""
    done = subprocess.run(
        [sys.executable, "-c", FULL], env=subprocess_environment(), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "ExportError lm.arpa: cannot be written (File too large)",
        "ExportError lm.arpa.gz: cannot be written (File too large)",
        "ExportError v.vec: cannot be written (File too large)",
        "ExportError v.bin: cannot be written (File too large)",
        "ExportError v.vec.gz: cannot be written (File too large)",
        done.stdout.splitlines()[-1],
    ]
    assert done.stdout.splitlines()[-1].startswith("SavedModelError m: cannot save the model (File too large); ")
    assert {path.name for path in tmp_path.rglob("*")} <= {"m", ".lock"}


@posix_only
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"^/dev/full: cannot be written"):
        NGram(order=2).fit(["a b"]).export("/dev/full", "arpa")
    (tmp_path / "full.arpa.gz").symlink_to("/dev/full")
    with pytest.raises(ExportError, match=r"full\.arpa\.gz: cannot be written"):
        NGram(order=2).fit(["a b"]).export(tmp_path / "full.arpa.gz")
    with pytest.raises(SavedModelError, match=r"^/dev/full: is a file"):
        NGram(order=2).fit(["a b"]).save("/dev/full")
