"""Pages of reports: structure, sections, options, errors, and escaping of everything shown."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nlmkit
from nlmkit import NGram
from nlmkit.cli.group import nlmkit as command_line
from nlmkit.errors import DataError, HyperParameterError, NotFittedError
from nlmkit.reporting.sheets import SHEETS

from .conftest import EMPTY_IN_SVG, TEST, TRAIN, Page

HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img/src=x/onerror=window.hacked=2>',
    "'onmouseover='window.hacked=3",
    "javascript:window.hacked=4",
    "</style></title></script>",
    "{{7*7}}",
    "&lt;b&gt;",
)


@pytest.fixture(scope="module")
def made(models: dict[str, Any]) -> Page:
    return Page(nlmkit.report(models, TEST, samples=50).html)


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(command_line, ["report", *map(str, arguments)])


def test_the_page_has_landmarks_and_headings_in_order(made: Page) -> None:
    assert {made.tags[tag] for tag in ("main", "nav", "header", "footer", "h1", "title")} == {1}
    levels = [level for level, _ in made.headings]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert made.values("lang", "html") == ["en"]
    assert "width=device-width" in " ".join(made.values("content", "meta"))


def test_every_section_of_language_models_is_there_and_linked(made: Page) -> None:
    (sheet,) = (sheet for sheet in SHEETS if sheet.kind == "language-model")
    names = [entry.name for entry in sheet.entries]
    assert [value for value in made.values("href") if "section" in value] == [f"#section-{name}" for name in names]
    identifiers = made.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {value.removeprefix("#") for value in made.values("href")} <= set(identifiers)
    assert set(made.values("aria-labelledby")) <= set(identifiers)


def test_tables_and_pictures_are_named(made: Page) -> None:
    assert made.tags["table"] == made.tags["caption"] == made.tags["thead"]
    assert made.values("scope").count("col") + made.values("scope").count("row") == made.tags["th"]
    assert made.tags["svg"] > 8
    assert all(len(label) > 5 for label in made.values("aria-label", "svg"))
    assert made.values("role", "svg") == ["img"] * made.tags["svg"]
    assert made.tags["figure"] == made.tags["figcaption"] == made.tags["svg"]


def test_the_page_loads_nothing(models: dict[str, Any]) -> None:
    page = nlmkit.report(models, TEST, samples=0).html
    found = Page(page)
    assert "http" not in page.replace("http-equiv", "")
    assert not {"src", "srcset", "action", "style", "data", "poster"} & {name for _, name, _ in found.attributes}
    assert not {"link", "img", "iframe", "object", "embed", "form", "base"} & set(found.tags)
    assert all(value.startswith("#") for value in found.values("href"))


def test_the_policy_allows_the_own_style_and_script_alone(made: Page) -> None:
    (policy,) = (value for value in made.values("content", "meta") if "default-src" in value)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for text in (*made.styles, *made.scripts):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(made.styles) == len(made.scripts) == 1


def test_the_page_is_small_and_the_same_each_time(models: dict[str, Any]) -> None:
    first, second = (nlmkit.report(models, TEST, samples=50, seed=3).html for _ in range(2))
    assert first == second
    assert len(first.encode()) < 400_000
    assert nlmkit.report(models, TEST, samples=50, seed=4).html != first


def test_what_is_shown_is_that_of_compare(models: dict[str, Any], made: Page) -> None:
    comparison = nlmkit.compare(models, TEST, samples=50)
    for row in comparison.ranked:
        assert f"{row.report.perplexity:,.2f}" in made.text
        assert row.report.signature in made.text
    for pair in comparison.differences:
        assert f"× {pair.ratio:.4f}" in made.text
        assert f"{pair.wins} : {pair.losses} : {pair.ties}" in made.text


def test_without_a_text_the_sections_that_need_none_are_there(models: dict[str, Any]) -> None:
    page = Page(nlmkit.report(models).html)
    sections = [value for value in page.values("id") if value.startswith("section-")]
    assert sections == [f"section-{name}" for name in ("models", "curves", "gates", "samples", "options")]
    assert "No text was given" in page.text


def test_one_model_is_enough(kn: NGram) -> None:
    page = Page(nlmkit.report(kn, TEST).html)
    assert ("ngram" in page.headings[0][1], page.tags["svg"] > 3) == (True, True)
    assert "section-curves" not in page.values("id")


def test_hostile_words_names_and_titles_are_shown_and_not_run(tmp_path: Path) -> None:
    text = [" ".join(HOSTILE), " ".join(reversed(HOSTILE)), "\u202ereversed a\u2066b"]
    model = NGram(order=2).fit(text * 3)
    file = tmp_path / '"><img src=x onerror=window.hacked=5>.txt'
    file.write_text("\n".join(text), encoding="utf-8")
    named = dict.fromkeys(HOSTILE[:2], model)
    page = nlmkit.report(named, str(file), title=HOSTILE[4], samples=10)
    plain = nlmkit.report({"a": model, "b": model}, TRAIN[:3], title="c", samples=10)
    found, usual = Page(page.html), Page(plain.html)
    assert set(found.tags) == set(usual.tags)
    assert {(tag, name) for tag, name, _ in found.attributes} <= {(tag, name) for tag, name, _ in usual.attributes}
    assert not any(name.startswith("on") for _, name, _ in found.attributes)
    assert found.scripts == usual.scripts
    assert found.styles == usual.styles
    assert not any("javascript:" in value for value in found.values("href"))
    for word in HOSTILE:
        assert word in found.text
    assert "{{7*7}}" in page.html
    assert str(file) in found.text
    assert found.headings[0] == (1, HOSTILE[4])
    assert r"\u202ereversed" in found.text
    assert not re.search("[\u202e\u2066\x00-\x08]", page.html)


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(kn: NGram) -> None:
    report = nlmkit.report({HOSTILE[1]: kn})
    (source,) = re.findall(r'srcdoc="([^"]*)"', frame := report._repr_html_())
    assert html.unescape(source) == report.html
    assert Page(frame).tags == {"iframe": 1}
    assert 'sandbox="allow-scripts"' in frame
    assert "bytes" in repr(report)


def test_the_command_writes_the_page(saved: Path, tmp_path: Path, models: dict[str, Any]) -> None:
    path = tmp_path / "report.html"
    folders = [saved / name for name in models]
    result = run(*folders, "--text", saved / "test.txt", "-o", path, "--samples", "50", "--title", "Toys")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{path}: {path.stat().st_size:,} bytes" in result.stderr
    page = Page(path.read_text(encoding="utf-8"))
    assert page.headings[0][1] == "Toys"
    assert "(6 sentences, 41 words)" in page.text
    assert {"3-gram", "LSTM", "mixture"} <= {text.strip() for text in page.texts}
    again = nlmkit.report([*map(str, folders)], saved / "test.txt", samples=50, title="Toys")
    assert again.html.replace(str(saved / "test.txt"), "") == path.read_text("utf-8").replace(
        str(saved / "test.txt"), ""
    )


def test_the_command_reads_a_column_of_a_table(saved: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text("id\ttext\n1\tthe cat ran\n2\ta dog\n", encoding="utf-8")
    path = tmp_path / "report.html"
    result = run(saved / "3-gram", "--text", table, "--text-column", "text", "-o", path, "-q")
    assert (result.exit_code, result.output) == (0, "")
    assert "(2 sentences, 5 words)" in Page(path.read_text("utf-8")).text


def test_the_command_reads_the_labels_in_a_column_of_a_table(tmp_path: Path) -> None:
    nlmkit.TfidfRidge().fit(["good film", "bad film", "good", "bad"], [4.0, 1.0, 5.0, 0.5]).save(tmp_path / "model")
    (tmp_path / "t.csv").write_text("stars,text\n4,good film\n1,bad film\n", encoding="utf-8")
    (tmp_path / "t.txt").write_text("stars\ttext\n4\tgood film\n1\tbad film\n", encoding="utf-8")
    path = tmp_path / "report.html"
    for name, columns in (("t.csv", []), ("t.txt", ["--text-column", "2", "--text-format", "tsv"])):
        result = run(tmp_path / "model", "--text", tmp_path / name, "--label-column", "stars", *columns, "-o", path)
        assert result.exit_code == 0
        assert "(2 texts)" in Page(path.read_text("utf-8")).text


def test_a_corpus_has_no_columns(saved: Path, tmp_path: Path) -> None:
    result = run(saved / "3-gram", "--text", "corpus:english/test", "--text-column", "1", "-o", tmp_path / "r.html")
    assert result.exit_code == 1
    assert result.stderr == "nlmkit: corpus:english/test is not a table: omit --text-column\n"


def test_without_a_text_a_note_says_what_is_left_out(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    result = run(saved / "3-gram", "-o", path)
    assert result.exit_code == 0
    assert "note: without --text TEXT, sections that need a text are left out\n" in result.stderr
    assert "No text was given" in Page(path.read_text("utf-8")).text
    assert run(saved / "3-gram", "-o", path, "-q").stderr == ""
    assert "without --text" not in run(saved / "3-gram", "--text", saved / "test.txt", "-o", path).stderr
    shown = " ".join(run("--help").stdout.split())
    assert "No text is chosen for the models: without --text nothing is scored" in shown


def test_options_of_the_text_need_a_text(saved: Path, tmp_path: Path) -> None:
    result = run(saved / "3-gram", "--encoding", "latin-1", "-o", tmp_path / "report.html")
    assert result.exit_code == 2
    assert "--encoding applies to the text: add --text TEXT" in result.stderr


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("tagger", ["--text-column", "text"]),
        ("representation", ["--text-column", "text"]),
        ("tagger", ["--label-column", "label"]),
        ("tagger", ["--context", "stream"]),
        ("representation", ["--errors", "replace"]),
        ("representation", ["--marks", "skip"]),
    ],
)
def test_options_of_other_kinds_are_refused(tmp_path: Path, kind: str, options: list[str]) -> None:
    tagger = nlmkit.HMMTagger(order=1, smoothing="add-k").fit([["a", "b"]], [["N", "V"]])
    {"tagger": tagger, "representation": nlmkit.OneHot().fit(TRAIN)}[kind].save(tmp_path / "model")
    result = run(tmp_path / "model", "--text", tmp_path / "test.txt", *options, "-o", tmp_path / "report.html")
    assert result.exit_code == 2
    assert f"{options[0]} does not apply where a model is a {kind}" in result.stderr


def test_a_context_needs_a_text(saved: Path, tmp_path: Path) -> None:
    result = run(saved / "3-gram", "--context", "stream", "-o", tmp_path / "report.html")
    assert result.exit_code == 2
    assert "--context applies to the text: add --text TEXT" in result.stderr


def test_word_pairs_are_read_in_their_encoding(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    nlmkit.OneHot().fit(["café mat dog"]).save(tmp_path / "model")
    (tmp_path / "pairs.tsv").write_text("café\tmat\t1\nmat\tdog\t2\n", encoding="latin-1")
    path = tmp_path / "report.html"
    result = run(tmp_path / "model", "--text", tmp_path / "pairs.tsv", "--encoding", "latin-1", "-o", path)
    assert result.exit_code == 0
    assert "2 of 2" in Page(path.read_text("utf-8")).text


def test_a_folder_that_is_not_there_is_refused_before_the_work(saved: Path, tmp_path: Path) -> None:
    result = run(saved / "3-gram", "-o", tmp_path / "none" / "report.html")
    assert result.exit_code == 1
    assert f"{tmp_path / 'none' / 'report.html'}: the page cannot be written there" in result.stderr


def test_a_page_is_not_saved_in_a_folder_that_is_not_there(tmp_path: Path, kn: NGram) -> None:
    with pytest.raises(DataError, match=r"report\.html: the page cannot be written there"):
        nlmkit.report(kn).save(tmp_path / "none" / "report.html")


def test_the_text_is_not_overwritten(saved: Path) -> None:
    result = run(saved / "3-gram", "--text", saved / "test.txt", "-o", saved / "test.txt")
    assert result.exit_code == 1
    assert "is the same as" in result.stderr


def test_models_of_two_kinds_are_refused(kn: NGram) -> None:
    vectors = nlmkit.OneHot().fit(TRAIN)
    with pytest.raises(HyperParameterError, match="one report per kind"):
        nlmkit.report({"a": kn, "b": vectors})


@pytest.mark.parametrize(
    ("models", "match"),
    [([], "no models"), ([NGram(order=1)] * 9, "up to 8 models, not 9"), ([3], "model 1 is int: expected a model")],
)
def test_models_that_cannot_be_shown_are_refused(models: list[Any], match: str) -> None:
    with pytest.raises(HyperParameterError, match=match):
        nlmkit.report(models)


def test_other_errors_name_what_is_wrong(kn: NGram) -> None:
    with pytest.raises(NotFittedError):
        nlmkit.report(NGram())
    with pytest.raises(DataError, match="without sentences"):
        nlmkit.report(kn, [])
    with pytest.raises(HyperParameterError, match="context"):
        nlmkit.report(kn, TEST, context="paragraph")  # type: ignore[arg-type]
    with pytest.raises(HyperParameterError, match="samples"):
        nlmkit.report(kn, TEST, samples=-1)


def test_elements_without_content_are_those_of_pictures(made: Page) -> None:
    assert made.tags["rect"] > 0
    assert set(EMPTY_IN_SVG) <= set(made.tags)
