"""``litellm:…`` keeps the same contract as our own dialects, over the real LiteLLM."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.clients.outside import environment
from tests.environment import ROOT, clean


def test_the_contract_and_more_hold_where_litellm_is_installed(tmp_path: Path) -> None:
    # One process for all: importing LiteLLM takes seconds.
    words = [
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/providers/test_contract.py",
        "tests/clients/inside_litellm.py",
    ]
    done = subprocess.run(
        [str(environment("litellm").executable), "-m", "pytest", *words, "-k", "litellm"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env=clean(tmp_path, PYTHONDONTWRITEBYTECODE=""),
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    dots = done.stdout.count(".") if passed is None else int(passed[1])
    assert dots >= 18 + 19, done.stdout
