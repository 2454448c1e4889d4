"""The BiLSTM tagger keeps what the contracts promise: the kits that plugins run, too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_bilstm_tagger = conformance(BiLSTMTagger(**BiLSTMTagger.conformance_settings))


def test_declarations_import_nothing_heavy() -> None:
    code = (
        "import sys; from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger; BiLSTMTagger().params_as_json(); "
        "print(sorted({'numpy', 'scipy', 'sklearn', 'torch', 'gensim'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert result.stdout == "[]\n"
