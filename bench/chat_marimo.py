"""marimo's `mo.ui.chat` as an app, for the benchmark: ``python -m marimo run bench/chat_marimo.py``."""

import marimo

app = marimo.App()


@app.cell
def _():
    import os
    import sys
    import uuid
    from pathlib import Path

    import marimo as mo
    import openai
    from marimo._plugins.ui._core.ui_element import UIElement

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from bench.workloads import said

    client = openai.AsyncOpenAI(base_url=os.environ["BENCH_URL"], api_key="sk-bench")

    async def answer(messages, config):
        asked = [{"role": one.role, "content": one.content} for one in messages]
        stream = await client.chat.completions.create(model="chat", messages=asked, stream=True)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    def message(role, text):
        part = {"type": "text", "text": text}
        return {"id": uuid.uuid4().hex, "role": role, "content": text, "parts": [part], "metadata": None}

    # A chat cannot be begun with turns in it; this gives its view what it would have after them.
    begun = UIElement.__init__

    def begin(self, **options):
        above = [
            message(role, text)
            for turn in said(int(os.environ["BENCH_TURNS"]))
            for role, text in zip(("user", "assistant"), turn, strict=True)
        ]
        begun(self, **options | {"initial_value": {"messages": above}})

    UIElement.__init__ = begin
    chat = mo.ui.chat(answer, max_height=600)
    UIElement.__init__ = begun
    chat  # noqa: B018
    return


if __name__ == "__main__":
    app.run()
