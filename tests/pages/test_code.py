"""The code of every page runs, in its own order, in one folder; networks are smaller."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from pictures import shown
from running import BLOCK, Page, smaller, split

from pages.conftest import DOCS

TESTS = Path(__file__).parents[1]
PAGES = {file.relative_to(DOCS).as_posix(): file.read_text(encoding="utf-8") for file in sorted(DOCS.rglob("*.md"))}
WITH_CODE = [page for page, text in PAGES.items() if BLOCK.search(text)]
GUIDES = [test.read_text(encoding="utf-8") for test in TESTS.rglob("test_*_guide.py")]
OWN_TEST = {page for page in WITH_CODE if any(f"docs/{page}" in source for source in GUIDES)}
"""Pages that a test of their own runs, which looks at results, too."""

_RATINGS = "2.5\ta slow, thin film\n8\ta warm and funny film\n3\tdull and thin\n9\twarm, quick and funny\n"
_CSV = "stars,review\n" + _RATINGS.replace(",", "").replace("\t", ",")
FILES = {
    "ngram-memory.md": {"big.txt.gz": "the old ferry leaves the harbor\n" * 50},
    "regressors.md": {
        "reviews.tsv": _RATINGS * 4,
        "reviews.csv": _CSV,
        "test.tsv": _RATINGS,
        "new.txt": "a warm film\n",
    },
}
"""What a page takes for given: texts by page and file."""


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in WITH_CODE if page not in OWN_TEST])
def test_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.get(page, {}).items():
        data = text.encode()
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    code = Page(PAGES[page].replace('temporary_folder="/scratch"', "temporary_folder='.'"))
    code.run()
    for picture in shown(code.text):
        assert (tmp_path / picture).is_file(), "no command of the page draws the picture that it shows"
        assert (DOCS / "pictures" / picture).stat().st_size < 60_000


@pytest.mark.slow
def test_the_start_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(PAGES["index.md"].partition("Which words surprise")[0])
    page.run()
    (shown,) = re.findall(r"^```text\n(.*?)\.\.\.\n```$", page.text, re.M | re.S)
    assert page.outputs["nlmkit perplexity english-5gram corpus:english/test"].startswith(shown)


def test_a_page_that_a_test_only_mentions_runs_here() -> None:
    assert {"taggers.md", "hybrid.md"} <= OWN_TEST
    assert OWN_TEST.isdisjoint({"index.md", "kinds/ngram-models.md", "kinds/trees.md"})


def test_every_picture_is_shown() -> None:
    for picture in (DOCS / "pictures").iterdir():
        assert any(f"pictures/{picture.name}" in text for text in PAGES.values()), picture.name


def test_the_programs_of_a_page_that_are_left_out_are_few() -> None:
    """A line that no test runs begins with the name of an installer or of a developer's program."""
    lines = [line for text in PAGES.values() for _, block in BLOCK.findall(text) for line in block.splitlines()]
    assert sum(line.startswith("pip ") for line in lines) < 10
    assert not any(line.startswith("docker") for line in lines)


def test_stages_and_settings_are_recognized() -> None:
    assert split("echo 'a | b' | nlmkit classify m") == ["echo 'a | b'", "nlmkit classify m"]
    words = ["fit", "lstm", "text", "--budget", "2m", "-o", "lm", "-p", "hidden=64", "-p", "tied=false"]
    assert smaller(words)[:7] == ["fit", "lstm", "text", "-o", "lm", "-p", "tied=false"]
    assert "hidden=8" in smaller(words)
    assert smaller(["fit", "ngram", "text"]) == ["fit", "ngram", "text"]
    assert "embedding=8" not in smaller(["fit", "lstm", "text", "-p", "representation=vectors"])


def test_a_command_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="nlmkit perplexity nothing"):
        Page("```sh\necho a | nlmkit perplexity nothing -\n```\n").run()
    page = Page("```sh\npip install nlmkit\nprintf 'a b\\n' > text # comment\ncat text | tr a c > other || true\n```\n")
    page.run()
    assert Path("other").read_text(encoding="utf-8") == "c b\n"
