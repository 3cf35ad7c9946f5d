"""``litellm:…`` keeps the same contract as our own dialects, over the real LiteLLM."""

from __future__ import annotations

import subprocess


def test_the_contract_and_more_hold_where_litellm_is_installed(with_litellm: subprocess.Popen[str]) -> None:
    said, _ = with_litellm.communicate(timeout=300)
    assert with_litellm.returncode == 0, said[-6000:]
    assert said.partition("[100%]")[0].count(".") >= 18 + 19, said
