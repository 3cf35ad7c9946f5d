"""Who is compared: what a person writes in a notebook to see a model's answer as it comes.

Each contender is three cells: `setup` (imports, a client), a warm-up answer, and the cell that is measured.
All talk to the same server, and all but nbstream and chatlas read it through the openai SDK.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

PROMPT = "Everything."
KEY = "sk-bench"


@dataclass(frozen=True)
class Contender:
    """One way to show an answer: the cells it takes, and what its text looks like on the page."""

    name: str
    label: str
    setup: str
    cell: str
    """The measured cell; ``{model}`` is the model."""
    markdown: bool
    """Whether the answer ends as rendered Markdown; else its source is shown as it came."""
    repeats: bool = False
    """Whether targets are set by it: then it runs several times and the median counts."""

    def cells(self, url: str, warm: str, model: str) -> list[str]:
        """The notebook: setup, warm-up with the model `warm`, and the cell that is measured."""
        setup = f"URL, KEY = {url!r}, {KEY!r}\n" + self.setup
        return [setup, self.cell.replace("{model}", warm), self.cell.replace("{model}", model)]


def cell(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


BY_OPENAI = cell("""
import openai
client = openai.OpenAI(base_url=URL, api_key=KEY)

def tokens(model):
    messages = [{"role": "user", "content": "Everything."}]
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content
""")

NBSTREAM = Contender(
    "nbstream",
    "nbstream `%%llm`",
    cell("""
    import os
    os.environ |= {"OPENAI_BASE_URL": URL, "OPENAI_API_KEY": KEY}
    %load_ext nbstream
    """),
    f"%%llm -m openai:{{model}} --new\n{PROMPT}",
    markdown=True,
    repeats=True,
)

ANYWIDGET = Contender(
    "anywidget",
    "bare anywidget",
    BY_OPENAI
    + "\n\n"
    + cell('''
    import anywidget

    class Text(anywidget.AnyWidget):
        _esm = """
        export default {
          render({ model, el }) {
            el.style.whiteSpace = "pre-wrap";
            model.on("msg:custom", (text) => el.append(text));
          },
        };
        """
    '''),
    cell("""
    widget = Text()
    display(widget)
    for token in tokens("{model}"):
        widget.send(token)
    """),
    markdown=False,
    repeats=True,
)

PRINT = Contender(
    "print",
    "`print(flush=True)`",
    BY_OPENAI,
    cell("""
    for token in tokens("{model}"):
        print(token, end="", flush=True)
    """),
    markdown=False,
)

DISPLAY = Contender(
    "display",
    "`display(Markdown)` per token",
    BY_OPENAI + "\nfrom IPython.display import Markdown",
    cell("""
    text = ""
    handle = display(Markdown(""), display_id=True)
    for token in tokens("{model}"):
        text += token
        handle.update(Markdown(text))
    """),
    markdown=True,
)

CHATLAS = Contender(
    "chatlas",
    "chatlas `chat()`",
    "from chatlas import ChatOpenAICompletions",
    cell(f"""
    chat = ChatOpenAICompletions(base_url=URL, api_key=KEY, model="{{model}}")
    _ = chat.chat("{PROMPT}")
    """),
    markdown=True,
)

CONTENDERS = {one.name: one for one in (NBSTREAM, ANYWIDGET, PRINT, DISPLAY, CHATLAS)}
