"""``--threads``: the number of threads of PyTorch, set before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nlmkit.cli.group import COMMANDS, nlmkit

COMPUTING = ("fit", "perplexity", "compare", "score", "generate", "classify", "predict", "tag", "translate")


@pytest.mark.parametrize("command", COMPUTING)
def test_commands_that_compute_take_it(command: str) -> None:
    assert command in COMMANDS
    assert "--threads N" in CliRunner().invoke(nlmkit, [command, "--help"]).output


@pytest.mark.slow
def test_it_sets_the_threads_of_torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    code = """if True:
        import sys
        from click.testing import CliRunner
        from nlmkit.cli.group import nlmkit
        CliRunner().invoke(nlmkit, ["score", "none", "--threads", "1"])
        assert "torch" not in sys.modules
        import torch
        print(torch.get_num_threads())
        CliRunner().invoke(nlmkit, ["score", "none", "--threads", "2"])
        print(torch.get_num_threads())
    """
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == ["1", "2"]


def test_a_number_is_needed() -> None:
    assert CliRunner().invoke(nlmkit, ["score", "m", "--threads", "0"]).exit_code == 2
