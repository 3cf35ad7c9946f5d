"""The cell magic ``%%llm``: ask, show the answer as it comes, leave it as Markdown."""

from __future__ import annotations

from IPython.core.magic import no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from ..chat.session import session
from ..errors import NbstreamError
from ..show.console import put
from . import args as arguments
from .asking import ask, show_error
from .editing import place
from .help import cell_help
from .surface import surface
from .template import prepared


@no_var_expand
@magic_arguments("%llm")  # IPython writes one more percent sign before it
@argument("-m", "--model", help="provider or provider:model, such as deepseek or ollama:qwen3:4b")
@argument("-s", "--system", help='the system message: -s "Answer in one sentence."')
@argument("-t", "--temperature", type=float, help="how freely to choose words")
@argument("--max-tokens", type=arguments.whole, help="bound on the answer's length")
@argument("-c", "--conversation", default="main", help="the conversation to go on with (default: main)")
@argument("-a", "--attach", action="append", metavar="FILE", help="take an image or a text file along")
@argument("--raw", action="store_true", help="send {{braces}} as they stand: put no variables in")
@argument("-o", "--out", type=arguments.name, help="bind the Answer to this variable")
@argument("--code", action="store_true", help="put the code of the answer into a new cell below")
@argument("-f", "--format", choices=["json"], help="json: the answer is JSON; -o then binds its object")
@argument("--schema", metavar="NAME", help="what the JSON must fit: a pydantic model, a dict, a .json file")
@argument("--at", type=arguments.whole, metavar="N", help="ask in the place of turn N, which is kept")
@argument("--new", action="store_true", help="send nothing of what came before")
@argument("--no-history", action="store_true", help="neither send nor keep anything")
@argument("--background", action="store_true", help="return at once; the answer goes on streaming")
@argument("-h", "--help", action="store_true", help="show this help")
def llm(line: str, cell: str) -> None:
    """Ask a language model; the answer streams into the output and stays there as Markdown.

    %%llm -m deepseek -t 0.2
    Explain the difference between a list and a tuple.
    """
    where = surface()
    try:
        options = arguments.parse(llm.parser, line)
        if options.help:
            put(cell_help(llm.parser))
            return
        options.line = line
        error = ask(prepared(cell, options), options, where, place(options))
    except NbstreamError as unsent:
        session().last_error = error = unsent
        show_error(error, where)
    if error is not None and where == "headless":
        raise error
