"""In a class that runs by itself, what the teacher does not allow is said on a card, and the run fails."""

from __future__ import annotations

import json
from pathlib import Path

from tests.kernel import headless
from tests.served import Served


def test_a_model_that_is_not_allowed_fails_the_run_and_what_is_allowed_does_not(
    served: Served, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('models = ["openai:words:*"]\ntokens = 500\nnote = "Room 3 <b>"')
    cells = [
        "%load_ext nbstream",
        "%%llm\nWhat is a token?",  # the one key there is has a usual model that is not allowed: demo
        "%%llm -m openai:words:5\nSay five words.",
        "%llm policy",
        "%llm",
        "%%llm -m openai:rich:9\nThis is not asked.",
        "print('not reached')",
    ]
    done = headless.execute("nbclient", cells, tmp_path, **served.environment(), NBSTREAM_POLICY=str(policy))
    assert done.code != 0 and not done.outputs(6)
    assert "demo" in done.outputs(1)[0].data["text/markdown"]
    assert len(done.outputs(2)[0].data["text/plain"].split()) == 5
    shown = done.outputs(3)[0].data["text/markdown"]
    assert "openai:words" in shown and "500" in shown and str(policy) in shown.replace("\\", "")
    assert "Room 3" in shown and "<b>" not in shown
    assert "%llm policy" in done.outputs(4)[0].data["text/markdown"]
    card = done.outputs(5)[0].data["text/markdown"]
    assert "openai:rich:9" in card and "does not allow" in card
    assert [record["body"]["model"] for record in served.log()] == ["words:5"]
    counted = (tmp_path / "home/.local/state/nbstream/usage.jsonl").read_text()
    assert '"model": "openai:words:5"' in counted
    assert "sk-test" not in done.said + json.dumps(done.notebook) + counted
