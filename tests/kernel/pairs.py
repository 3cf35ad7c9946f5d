"""The kernels of other versions, as tools/kernels.py makes them: ipykernel and IPython on each Python."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tools.kernels import Pair, find_python, pairs

__all__ = ["Pair", "need", "newest_first", "pairs", "write_spec"]


def need(pair: Pair) -> Pair:
    """Skip the test where `pair` is not there; in CI fail: a test that did not run has not passed."""
    if pair.made():
        return pair
    if find_python(pair.python) is None:
        why = f"there is no Python {pair.python} here"
    else:
        why = "run python tools/kernels.py (make test does)"
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{pair.name} is wanted and missing: {why}", pytrace=False)
    pytest.skip(f"no {pair.name}: {why}")


def newest_first(ipykernel: str) -> list[Pair]:
    """The pairs with this ipykernel, the newest IPython and the oldest Python first."""
    return sorted((p for p in pairs() if p.ipykernel == ipykernel), key=lambda p: (-int(p.ipython), p.python))


def write_spec(folder: Path, pair: Pair) -> str:
    """Write the kernelspec of `pair` below `folder`, and give its name."""
    name = pair.name.replace(".", "-")
    spec = {
        "argv": [str(pair.executable), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": pair.name,
        "language": "python",
        # What the first start compiles, the others find: the environments are installed without.
        "env": {"PYTHONDONTWRITEBYTECODE": ""},
    }
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return name
