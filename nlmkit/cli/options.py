"""Options that several commands share, each declared once."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nlmkit.cli.boundary import set_quiet
from nlmkit.text.segmenter import PREFIX, component_in
from nlmkit.text.subwords import is_trained

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks

_Function = TypeVar("_Function", bound=Callable[..., Any])

_ERRORS = ("strict", "replace", "ignore")
_MARKS = ("error", "skip", "literal")


def after(prefix: str, text: str) -> str:
    """Return the help of an option after a prefix that names its use; without a prefix, as a sentence."""
    return prefix + text if prefix else text[0].upper() + text[1:]


def json_option(function: _Function) -> _Function:
    """``--json``, passed as ``as_json``."""
    option = click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Print strict JSON.")
    return option(function)


def scoring_workers_option(function: _Function) -> _Function:
    """``--workers``, passed as ``workers`` (None: not given)."""
    option = click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of threads that score text by an n-gram model; the figures are the same.  [default: 1]",
    )
    return option(function)


def refuse_workers(workers: int | None, model: str, component: LanguageModel) -> None:
    """Refuse ``--workers`` for a model that is scored by one thread.

    Raises:
        click.UsageError: It was given for such a model.
    """
    if workers is not None and not component.scores_in_threads:
        raise click.UsageError(f"--workers: {component.name}, which {model} is, is scored by one thread, unlike ngram")


_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def threads_option(function: _Function) -> _Function:
    """``--threads``, which takes effect before PyTorch is imported."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        expose_value=False,
        is_eager=True,
        callback=_set_threads,
        help="Number of threads that PyTorch and linear algebra compute with.  [default: one per core]",
    )(function)


def _set_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    if value is None or ctx.resilient_parsing:
        return
    for name in _THREADS:  # which the libraries read when they are loaded
        os.environ[name] = str(value)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(value)


def quiet_option(function: _Function) -> _Function:
    """``--quiet``, passed as ``quiet``."""
    return click.option(
        "-q", "--quiet", is_flag=True, callback=set_quiet, help="Suppress progress and notes on stderr."
    )(function)


def output_option(function: _Function) -> _Function:
    """``--output``, passed as ``output``."""
    option = click.option(
        "-o",
        "--output",
        metavar="MODEL",
        help="Folder to save the model to; an existing model is replaced.  [required]",
    )
    return option(function)


def refuse_stdin_twice(names: Iterable[str | None]) -> None:
    """Refuse `-` as two texts: the second would be empty.

    Raises:
        click.UsageError: it is named twice.
    """
    if list(names).count("-") > 1:
        raise click.UsageError("- is used twice, but standard input can be read only once")


def pipeline_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options of a model's text pipeline, passed as one ``pipeline``."""

    @functools.wraps(function)
    def with_pipeline(
        *, tokenizer: str, lowercase: bool, unicode_form: Any, encoding: str, errors: Any, **values: Any
    ) -> Any:
        from nlmkit.text import Decoding, TextPipeline, Tokenization

        decoding = Decoding(encoding, errors)
        tokenization = Tokenization(tokenizer, lowercase, None if unicode_form == "none" else unicode_form)
        _ = tokenization.resolved_tokenizer  # an unknown name is an error now, not after reading
        return function(**values, pipeline=TextPipeline.of(decoding, tokenization))

    options = [
        click.option(
            "--tokenizer",
            default="space",
            show_default=True,
            show_envvar=True,
            help="Tokenizer: space, word, char; bpe:8000 or unigram:8000 for that many subwords, trained on the text; "
            "nltk-treebank, nltk-tweet or nltk-punkt; FILE.json of the library tokenizers; the name of one from a "
            "plugin; or model:FOLDER for a saved segmenter or the subwords of a saved model.",
        ),
        click.option("--lowercase/--no-lowercase", default=False, show_envvar=True, help="Lower-case the text."),
        click.option(
            "--unicode-form",
            type=click.Choice(["none", "NFC", "NFD", "NFKC", "NFKD"], case_sensitive=False),
            default="none",
            show_default=True,
            show_envvar=True,
            help="Unicode normal form to convert the text to.",
        ),
        click.option(
            "--encoding",
            default="utf-8",
            show_default=True,
            show_envvar=True,
            help="Encoding of the text: the name of a Python codec.",
        ),
        click.option(
            "--errors",
            type=click.Choice(_ERRORS),
            default="strict",
            show_default=True,
            show_envvar=True,
            help="Handling of bytes that are invalid in that encoding.",
        ),
    ]
    for option in reversed(options):
        with_pipeline = option(with_pipeline)
    return with_pipeline


def given_tokenizer(pipeline: TextPipeline) -> str:
    """Return the value of ``--tokenizer`` that leads to a pipeline's; of a saved one that has no folder, its name."""
    if component_in(pipeline.tokenizer) is not None or is_trained(pipeline.tokenizer):
        folder: str | None = getattr(pipeline.resolved_tokenizer, "folder", None)
        if folder is not None:
            return f"{PREFIX}{folder}"
        file: str | None = getattr(pipeline.resolved_tokenizer, "file", None)
        if file is not None:
            return file
    return pipeline.tokenizer


def marks_option(function: _Function) -> _Function:
    """``--marks``, passed as it is (None: as suits the kind of component)."""
    option = click.option(
        "--marks",
        type=click.Choice(_MARKS),
        show_envvar=True,
        help="Handling of NUL and the tokens <s> and </s> in the text: raise an error, skip them as white space, or "
        "read them as words (&lt;s&gt;).  [default: error for language models, literal for other components]",
    )
    return option(function)


def decoding_options(function: _Function) -> _Function:
    """``--encoding``, ``--errors`` and ``--marks`` for a text that is scored, passed as they are (None: default)."""
    for option in (
        marks_option,
        click.option(
            "--errors",
            type=click.Choice(_ERRORS),
            help="Handling of bytes that are invalid in that encoding.  [default: as in training]",
        ),
        click.option("--encoding", help="Encoding of the text: the name of a Python codec.  [default: as in training]"),
    ):
        function = option(function)
    return function


def text_column_options(function: _Function) -> _Function:
    """``--text-column`` and ``--text-format`` of a command whose texts may be tables, passed as they are."""
    for option in (
        click.option(
            "--text-format",
            type=click.Choice(["tsv", "csv", "jsonl"]),
            help="Format of the table for --text-column.  [default: by the file's name, else tsv]",
        ),
        click.option(
            "--text-column",
            "--column",
            metavar="NAME|NUMBER",
            help="TEXT is a table (TSV or CSV with a header, JSON Lines): read this column, by its name or number.",
        ),
    ):
        function = option(function)
    return function


def text_column(name: str | None, form: str | None) -> TextColumn | None:
    """Return the column of the text, if it is in a table.

    Raises:
        click.UsageError: a layout was given without a column.
    """
    if name is None:
        if form is not None:
            raise click.UsageError("--text-format is the format of a table and requires --text-column")
        return None
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.rows import FORMATS

    if form is not None and form not in FORMATS:
        raise click.UsageError(f"--text-format {form} has no column names: use one of {', '.join(FORMATS)}")
    return TextColumn(name, form)


def for_source(
    pipeline: TextPipeline, encoding: str | None, errors: str | None, marks: Marks | None = None
) -> TextPipeline:
    """Return a model's pipeline with the decoding that the options say; what they leave out is as in training."""
    changes: dict[str, Any] = {"encoding": encoding, "errors": errors, "marks": marks}
    given = {name: value for name, value in changes.items() if value is not None}
    return pipeline.with_decoding(dataclasses.replace(pipeline.decoding, **given))
