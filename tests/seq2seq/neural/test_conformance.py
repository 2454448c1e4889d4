"""The encoder-decoder keeps what the contracts promise: the kits that plugins run, too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

test_encoder_decoder = conformance(EncoderDecoder(**EncoderDecoder.conformance_settings))


def test_declarations_import_nothing_heavy() -> None:
    code = (
        "import sys; from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder; "
        "EncoderDecoder().params_as_json(); "
        "print(sorted({'numpy', 'scipy', 'torch', 'tokenizers', 'sacrebleu'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert result.stdout == "[]\n"
