"""Saving, loading, describing and identifying components, and every way in which a saved model can be wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.language_models import PACKAGE, Bigram, Uniform, registered
from toys.plugin_packages import model_source, write_package

import nlmkit
from nlmkit import LSTM, Classifier, LanguageModel, NGram, Representation
from nlmkit.core import parts, registry
from nlmkit.core.component import Component
from nlmkit.core.storage import describe, digest, load, save
from nlmkit.errors import (
    HyperParameterError,
    IntegrityError,
    NotFittedError,
    PluginError,
    SavedModelError,
    UnknownComponentError,
)
from nlmkit.saving import arrays_sha256, load_folder, save_folder, vocabulary_sha256
from nlmkit.saving.state import FittedState
from nlmkit.text import Corpus, TextPipeline

pytestmark = pytest.mark.slow

TRAIN = ["a b a", "b", "", "ä a c"]
TEST = ["a c", "", "b z ä"]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with registered(tmp_path_factory.mktemp("toys")):
        yield


@pytest.fixture
def fitted() -> Bigram:
    return Bigram(alpha=0.25, min_count=1).fit(Corpus.read(TRAIN, TextPipeline(lowercase=True)))


@pytest.fixture
def saved(fitted: Bigram, tmp_path: Path) -> Path:
    save(fitted, tmp_path / "model")
    return tmp_path / "model"


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Change fields of the manifest; None removes one."""
    place = folder / "manifest.json"
    manifest = json.loads(place.read_text(encoding="utf-8")) | changes
    manifest = {key: value for key, value in manifest.items() if value is not ...}
    place.write_text(json.dumps(manifest), encoding="utf-8")


def resave(folder: Path, change: Callable[[dict[str, Any], dict[str, Any], list[str]], None]) -> None:
    """Change manifest, arrays and words, and save them with hashes that are right."""
    found = load_folder(folder)
    arrays = {name: np.array(array) for name, array in found.arrays.items()}
    words = list(found.vocabulary or [])
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    change(manifest, arrays, words)
    save_folder(folder, manifest, arrays=arrays, vocabulary=words)


# ------------------------------------------------------------------------------------------------ round trips


def test_a_loaded_model_is_the_saved_one(fitted: Bigram, saved: Path) -> None:
    loaded = load(saved)
    assert type(loaded) is Bigram
    assert loaded == fitted
    assert loaded.get_params() == fitted.get_params()
    assert loaded.vocabulary_ == fitted.vocabulary_
    np.testing.assert_array_equal(loaded.vocabulary_.counts, fitted.vocabulary_.counts, strict=True)
    assert loaded.pipeline_ == fitted.pipeline_ == TextPipeline(lowercase=True)
    np.testing.assert_array_equal(loaded.log_probs(TEST), fitted.log_probs(TEST), strict=True)
    assert loaded.report(TEST) == fitted.report(TEST)
    assert loaded.generate(seed=3) == fitted.generate(seed=3)
    assert not loaded.table_.flags.writeable  # a view of the memory map


def test_the_methods_of_the_component_do_the_same(fitted: Bigram, tmp_path: Path) -> None:
    fitted.save(str(tmp_path / "by-method"))
    loaded = nlmkit.load(str(tmp_path / "by-method"))
    assert loaded.digest == fitted.digest == digest(fitted)


def test_a_model_without_arrays(tmp_path: Path) -> None:
    model = Uniform().fit(TRAIN)
    model.save(tmp_path / "uniform")
    assert load(tmp_path / "uniform").perplexity(TEST) == model.perplexity(TEST)


def test_a_saved_model_can_be_saved_again_over_itself(saved: Path) -> None:
    before = (saved / "manifest.json").read_bytes()
    load(saved).save(saved)
    assert (saved / "manifest.json").read_bytes() == before
    assert load(saved).report(TEST).model_digest == describe(saved)["digest"]


def test_a_moved_model_loads(saved: Path, tmp_path: Path) -> None:
    expected = load(saved).digest
    shutil.move(saved, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").digest == expected


def test_the_manifest_says_what_the_model_is(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "language-model"
    assert manifest["component"] == "toy-bigram"
    assert (manifest["distribution"], manifest["version"]) == (PACKAGE, "1.0")
    assert manifest["api_version"] == 1
    assert manifest["hyper_parameters"] == {
        "vocabulary_size": None,
        "min_count": 1,
        "vocabulary_file": None,
        "alpha": 0.25,
    }
    assert TextPipeline.from_dict(manifest["pipeline"]) == TextPipeline(lowercase=True)
    assert manifest["metadata"] == {"trained_on": 11}
    assert manifest["libraries"] == {
        "python": sys.version.split()[0],
        "nlmkit": nlmkit.__version__,
        "numpy": np.__version__,
        PACKAGE: "1.0",
    }
    assert manifest["created_by"] == f"nlmkit {nlmkit.__version__}"
    assert "toys.language_models" not in json.dumps(manifest)  # no module and no class is named
    (words,) = saved.glob("vocabulary-*.txt")
    assert words.read_text(encoding="utf-8") == "<unk>\n<s>\n</s>\na\nb\nä\nc\n"


def test_the_same_model_gives_the_same_bytes(fitted: Bigram, saved: Path, tmp_path: Path) -> None:
    save(fitted, tmp_path / "again")
    for file in saved.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_describe_gives_the_manifest_without_the_payloads(fitted: Bigram, saved: Path) -> None:
    sizes = [file.stat().st_size for file in saved.glob("*-*")]
    for payload in saved.glob("*-*"):
        payload.unlink()
    about = describe(saved)
    assert about["component"] == "toy-bigram"
    assert about["hyper_parameters"]["alpha"] == 0.25
    assert about["digest"] == fitted.digest
    assert about["bytes"] == sum(sizes)


def test_describe_needs_no_plugin_and_no_numpy(saved: Path) -> None:
    code = (
        "import sys\nfrom nlmkit.core.storage import describe\n"
        f"print(describe({str(saved)!r})['distribution'], 'numpy' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == [PACKAGE, "False"]


# ------------------------------------------------------------------------------------------------ digests


def test_the_digest_is_equal_before_saving_and_after_loading(fitted: Bigram, saved: Path) -> None:
    assert load(saved).digest == load(saved, verify=False).digest == fitted.digest
    assert len(fitted.digest) == 16
    assert int(fitted.digest, 16) >= 0


def test_the_digest_covers_every_part_of_the_identity(fitted: Bigram) -> None:
    text = Corpus.read(TRAIN, TextPipeline(lowercase=True))
    different = {
        "hyper-parameter": Bigram(alpha=0.5).fit(text),
        "pipeline": Bigram(alpha=0.25).fit(TRAIN),
        "vocabulary": Bigram(alpha=0.25).fit(Corpus.read(["ä b ä", "b", "", "a ä c"], TextPipeline(lowercase=True))),
        "component": Uniform().fit(text),
        "metadata": Bigram(alpha=0.25).fit(text),
        "array": Bigram(alpha=0.25).fit(text),
    }
    different["metadata"].trained_on_ = 12
    different["array"].table_ = np.nextafter(fitted.table_, 0)
    digests = {model.digest for model in different.values()}
    assert len(digests) == len(different)
    assert fitted.digest not in digests
    assert Bigram(alpha=0.25).fit(text).digest == fitted.digest


def test_counts_are_part_of_the_identity() -> None:
    one, two = Uniform().fit(["a b"]), Uniform().fit(["a b", "b"])
    assert one.vocabulary_.digest == two.vocabulary_.digest
    assert one.digest != two.digest


def test_the_digest_ignores_versions_and_the_order_of_keys(saved: Path) -> None:
    expected = describe(saved)["digest"]
    edit_manifest(saved, libraries={"python": "9.9"}, created_by="nlmkit 99", version="7.0")
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    shuffled = json.dumps(dict(reversed(manifest.items())), indent=1)
    (saved / "manifest.json").write_text(shuffled, encoding="utf-8")
    assert load(saved).digest == describe(saved)["digest"] == expected


def test_the_digest_of_a_loaded_model_needs_no_second_hash(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(saved).digest
    monkeypatch.setattr(parts, "arrays_sha256", lambda arrays: pytest.fail("hashed again"))
    model = load(saved)
    assert model.digest == model.digest == expected
    assert model.report(TEST).model_digest == expected


def test_a_model_that_was_saved_needs_no_second_hash(
    fitted: Bigram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Bigram(**fitted.get_params()).fit(TRAIN)
    monkeypatch.setattr(parts, "arrays_sha256", lambda arrays: pytest.fail("hashed again"))
    again.save(tmp_path / "model")
    assert again.digest == describe(tmp_path / "model")["digest"]
    again.table_ = again.table_ * 1  # the state of another fit has another digest, which must be computed
    assert again.known_digest is None


def test_the_digest_is_what_the_docstring_says(fitted: Bigram) -> None:
    values = {
        "arrays": arrays_sha256({"table": fitted.table_, "vocabulary.counts": fitted.vocabulary_.counts}),
        "component": "toy-bigram",
        "hyper_parameters": fitted.params_as_json(),
        "metadata": {"trained_on": 11},
        "pipeline": fitted.pipeline_.to_dict(),
        "vocabulary": hashlib.sha256("<unk>\n<s>\n</s>\na\nb\nä\nc\n".encode()).hexdigest(),
    }
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert fitted.digest == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_payload_hashes_are_those_of_the_files(fitted: Bigram, saved: Path) -> None:
    payloads = {payload["name"]: payload["sha256"] for payload in describe(saved)["payloads"]}
    arrays = {"vocabulary.counts": fitted.vocabulary_.counts, "table": np.asfortranarray(fitted.table_)}
    assert arrays_sha256(arrays) == payloads["arrays"]
    assert vocabulary_sha256(fitted.vocabulary_.words) == payloads["vocabulary"]
    for name, sha256 in payloads.items():
        (file,) = saved.glob(f"{name}-*")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def test_metadata_that_are_no_json_have_no_digest_and_are_not_saved(fitted: Bigram, tmp_path: Path) -> None:
    for wrong in (float("nan"), {1, 2}):
        fitted.trained_on_ = wrong
        with pytest.raises(SavedModelError, match="toy-bigram: its fitted state's metadata is not strict JSON"):
            digest(fitted)
        with pytest.raises(SavedModelError, match="trained_on"):
            save(fitted, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


# ------------------------------------------------------------------------------------------------ refusals


def test_nothing_unfitted_is_saved(tmp_path: Path) -> None:
    for act in (lambda: save(Bigram(), tmp_path / "model"), lambda: digest(Bigram())):
        with pytest.raises(NotFittedError):
            act()
    assert not (tmp_path / "model").exists()


def test_a_class_that_could_not_be_found_again_is_not_saved(tmp_path: Path) -> None:
    class Private(Bigram):
        """Private."""

    model = Private().fit(TRAIN)
    with pytest.raises(PluginError, match="Private is not registered, so nothing could load it again"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert len(model.digest) == 16


def test_the_name_of_the_counts_is_reserved(fitted: Bigram, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Bigram, "fitted_state", lambda self: FittedState({"vocabulary.counts": self.table_}))
    with pytest.raises(SavedModelError, match=r"toy-bigram: vocabulary\.counts is reserved"):
        save(fitted, tmp_path / "model")


# ------------------------------------------------------------------------------------------------ wrong folders


def assert_refused(folder: Path, message: str, error: type[Exception] = SavedModelError) -> None:
    with pytest.raises(error) as caught:
        load(folder)
    text = str(caught.value)
    assert message in text
    assert str(folder) in text
    assert text.isprintable()


@pytest.mark.parametrize(
    "field",
    ["kind", "component", "distribution", "version", "api_version", "hyper_parameters", "pipeline", "metadata"],
)
@pytest.mark.parametrize("value", [..., True, ["x"], 1.5])
def test_a_missing_or_mistyped_field_is_named(saved: Path, field: str, value: Any) -> None:
    edit_manifest(saved, **{field: value})
    message = f"{field} is missing" if value is ... else f"{field} has a wrong type"
    assert_refused(saved, message)
    with pytest.raises(SavedModelError, match=message):
        describe(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_version": 2}, "written for version 2 of the component contract, this nlmkit has version 1: install"),
        ({"kind": "classifier"}, "holds a 'classifier', but toy-bigram is a language-model"),
        ({"component": "os:system"}, "component cannot be 'os:system'"),
        ({"component": "../x"}, "component cannot be '../x'"),
        ({"distribution": "x; rm -rf /"}, "distribution cannot be 'x; rm -rf /'"),
        ({"distribution": "--index-url"}, "distribution cannot be '--index-url'"),
        ({"hyper_parameters": {"alhpa": 1}}, "toy-bigram has no hyper-parameter 'alhpa'; did you mean alpha?"),
        (
            {"hyper_parameters": {"alpha": -1}},
            "wrong hyper-parameters for toy-bigram 1.0 (saved with 1.0): alpha must be",
        ),
        ({"hyper_parameters": {"alpha": {"x": 1}}}, "alpha must be float, not {'x': 1}"),
        ({"hyper_parameters": {"cls": 1}}, "wrong hyper-parameters for toy-bigram"),
        ({"hyper_parameters": {"self": 1}}, "wrong hyper-parameters for toy-bigram"),
        ({"pipeline": None}, "a language model without a text pipeline"),
        ({"pipeline": {}}, "the text pipeline has missing keys"),
        ({"metadata": {}}, "damaged: KeyError while restoring toy-bigram ('trained_on')"),
        ({"metadata": {"trained_on": "many"}}, "damaged: TypeError while restoring toy-bigram"),
        ({"metadata": {"trained_on": -1}}, "trained_on is negative"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(saved: Path, changes: dict[str, Any], message: str) -> None:
    edit_manifest(saved, **changes)
    assert_refused(saved, message)


def test_fields_that_nobody_needs_are_no_error(saved: Path) -> None:
    edit_manifest(saved, libraries=..., created_by=..., comment="mine")
    assert load(saved).is_fitted


def test_a_payload_that_contradicts_the_manifest_is_refused(saved: Path) -> None:
    def wrong_shape(_: Any, arrays: dict[str, Any], __: Any) -> None:
        arrays["table"] = arrays["table"][:-1]

    resave(saved, wrong_shape)
    assert_refused(saved, "array 'table' has shape [6, 7], expected [7, 7]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, a, w: a.pop("table"), "array 'table' is missing; the file contains []"),
        (lambda m, a, w: a.pop("vocabulary.counts"), "array 'vocabulary.counts' is missing"),
        (lambda m, a, w: a.update(table=a["table"].astype(np.float32)), "array 'table' has dtype float32, expected"),
        (lambda m, a, w: a["vocabulary.counts"].__setitem__(3, -1), "counts must be 7 integers of at least zero"),
        (lambda m, a, w: w.pop(), "array 'vocabulary.counts' has shape [7], expected [6]"),
        (lambda m, a, w: w.__setitem__(slice(0, 2), w[1::-1]), "does not begin with <unk>, <s>, </s>"),
        (lambda m, a, w: w.__setitem__(4, "a"), "duplicate word 'a' in the vocabulary"),
        (lambda m, a, w: w.__setitem__(4, ""), "word 2 of the vocabulary is empty"),
        (lambda m, a, w: w.__setitem__(4, "<unk>"), "counts must be 6 integers"),
        (lambda m, a, w: w.__setitem__(4, "</s>"), "word 2 of the vocabulary is </s>"),
        (lambda m, a, w: w.clear(), "array 'vocabulary.counts' has shape [7], expected [0]"),
    ],
)
def test_contents_that_contradict_one_another_are_refused(saved: Path, change: Any, message: str) -> None:
    resave(saved, change)
    assert_refused(saved, message)


def test_a_language_model_without_a_vocabulary_is_refused(saved: Path) -> None:
    found = load_folder(saved)
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    save_folder(saved, manifest, arrays=found.arrays)
    assert_refused(saved, "a language model without a vocabulary")


def test_a_flipped_byte_is_found_unless_nobody_looks(saved: Path) -> None:
    (payload,) = saved.glob("arrays-*")
    data = bytearray(payload.read_bytes())
    data[-1] ^= 1
    payload.write_bytes(bytes(data))
    assert_refused(saved, "SHA-256", IntegrityError)
    assert load(saved, verify=False).is_fitted


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (MemoryError(), MemoryError, "loading the model (its arrays and vocabulary take 664 bytes)"),
        (MemoryError("Unable to allocate 8 TiB"), MemoryError, "take 664 bytes; Unable to allocate 8 TiB)"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MemoryError, "; [Errno 12] Cannot allocate memory)"),
        (RuntimeError("you tried to allocate 8 bytes"), MemoryError, "you tried to allocate 8 bytes"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
        (RecursionError("too deep"), RecursionError, "too deep"),
        (
            OSError(errno.EIO, "Input/output error"),
            SavedModelError,
            "cannot be restored ([Errno 5] Input/output error)",
        ),
        (OSError(errno.EMFILE, "Too many open files"), SavedModelError, "([Errno 24] Too many open files)"),
        (ModuleNotFoundError("No module named 'torch'"), PluginError, "cannot be imported (No module named 'torch')"),
        (KeyError("weights"), SavedModelError, "damaged: KeyError while restoring toy-bigram ('weights'); restore it"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_only_what_is_damage_is_called_so(
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    expected: type[BaseException],
    message: str,
) -> None:
    """Not want of memory, a failing disk, a missing package or Ctrl-C."""

    def fail(self: Bigram, state: FittedState) -> None:
        raise error

    monkeypatch.setattr(registry.get("toy-bigram"), "restore", fail)
    with pytest.raises(expected) as caught:
        load(saved)
    assert type(caught.value) is expected
    assert message in str(caught.value)
    assert "damaged" in str(caught.value) or not isinstance(error, KeyError)
    assert "damaged" not in str(caught.value) or isinstance(error, KeyError)
    if message and expected is not RecursionError:
        assert str(caught.value).startswith(str(saved))


def test_want_of_memory_while_saving_says_what_was_saved(
    fitted: Bigram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Bigram) -> FittedState:
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr(Bigram, "fitted_state", fail)
    with pytest.raises(MemoryError, match=r"/m: saving the model \(Unable to allocate 8 TiB\)"):
        save(fitted, tmp_path / "m")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    assert_refused(tmp_path / "absent", "no such folder")
    assert_refused(tmp_path, "no manifest.json")


# ------------------------------------------------------------------------------------------------ packages


def test_a_model_whose_package_is_gone_names_the_package(saved: Path) -> None:
    edit_manifest(saved, distribution="gone-package")
    assert_refused(
        saved,
        "component 'toy-bigram' comes from the package gone-package, which is not installed: pip install gone-package",
        UnknownComponentError,
    )


def test_a_model_is_loaded_only_from_the_package_that_saved_it(saved: Path) -> None:
    edit_manifest(saved, distribution="nlmkit")
    assert_refused(saved, f"the installed package nlmkit {nlmkit.__version__} has no component", UnknownComponentError)
    edit_manifest(saved, distribution=PACKAGE, component="toy-uniform", metadata={})
    assert_refused(saved, "wrong hyper-parameters for toy-uniform")


def test_a_broken_package_is_a_plugin_error(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(
        tmp_path / "broken",
        "broken-package",
        groups={"nlmkit.language_models": {"toy-bigram": "broken_package:Model"}},
        modules={"broken_package": "raise SystemExit\n"},
    )
    monkeypatch.syspath_prepend(str(tmp_path / "broken"))
    assert load(saved).is_fitted  # its own package is asked, not the one that collides
    edit_manifest(saved, distribution="broken-package")
    assert_refused(saved, "cannot be used: its import fails: SystemExit", PluginError)


def test_a_component_without_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = model_source(
        "mean",
        base="Classifier",
        before="from nlmkit.classifiers.base import Classifier",
        body="""
    def fit(self, data, *, valid=None, run=None):
        self.mean_ = sum(data) / len(data)
        return self
    def fitted_state(self):
        from nlmkit.saving.state import FittedState
        return FittedState({}, {'mean': self.mean_})
    def restore(self, state):
        self.mean_ = state.metadata['mean']
""",
    )
    write_package(
        tmp_path,
        "means",
        groups={"nlmkit.classifiers": {"mean": "means_module:Model"}},
        modules={"means_module": source},
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    model: Component = registry.get("mean")().fit([1, 2])
    model.save(tmp_path / "model")
    assert vars(load(tmp_path / "model"))["mean_"] == 1.5
    about = describe(tmp_path / "model")
    assert (about["kind"], about["pipeline"], about["digest"]) == ("classifier", None, model.digest)
    assert [payload["name"] for payload in about["payloads"]] == ["arrays"]


def test_load_takes_the_kind_that_is_wanted(tmp_path: Path) -> None:
    model = NGram(order=1, smoothing="mle").fit(["a b"])
    model.save(tmp_path / "m")
    for kind in (Component, LanguageModel, NGram):
        assert load(tmp_path / "m", kind).digest == model.digest
    for kind, wanted in ((Representation, "representation"), (LSTM, "lstm"), (Classifier, "classifier")):
        with pytest.raises(SavedModelError, match=f"m: ngram is a language-model, expected a {wanted}"):
            load(tmp_path / "m", kind)
    for wrong in ("NGram", None, model):
        with pytest.raises(HyperParameterError, match="kind must be a class such as LanguageModel or NGram, not"):
            load(tmp_path / "m", wrong)  # type: ignore[call-overload]
