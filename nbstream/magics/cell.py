"""The cell magic ``%%llm``: ask, show the answer as it comes, leave it as Markdown."""

from __future__ import annotations

from IPython.core.magic import no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from ..chat.session import session
from ..errors import NbstreamError
from . import args as arguments
from .above import compare, looked_at, several, troubles
from .asking import ask, show_error
from .editing import place
from .help import cell_help
from .line import say
from .surface import surface
from .template import prepared


@no_var_expand
@magic_arguments("%llm")  # IPython writes one more percent sign before it
@argument("-m", "--model", metavar="MODEL")
@argument("-s", "--system", metavar="TEXT")
@argument("-t", "--temperature", type=arguments.finite, metavar="T")
@argument("--max-tokens", type=arguments.whole, metavar="N")
@argument("-c", "--conversation", default="main", metavar="NAME")
@argument("-a", "--attach", action="append", metavar="FILE")
@argument("--raw", action="store_true")
@argument("-o", "--out", type=arguments.name, metavar="VAR")
@argument("--code", action="store_true")
@argument("-f", "--format", choices=["json"])
@argument("--schema", metavar="NAME")
@argument("--at", type=arguments.whole, metavar="N")
@argument("--new", action="store_true")
@argument("--no-history", action="store_true")
@argument("--background", action="store_true")
@argument("--no-stream", action="store_true")
@argument("--xray", action="store_true")
@argument("--tape", metavar="FILE")
@argument("-h", "--help", action="store_true")
def llm(line: str, cell: str) -> None:
    """Ask a language model; the answer streams into the output and stays there as Markdown.

    %%llm -m deepseek -t 0.2
    Explain the difference between a list and a tuple.
    """
    where, options = surface(), None
    try:
        options = arguments.parse(llm.parser, line)
        if options.help:
            say(cell_help(llm.parser))
            return
        options.line = line
        looked_at(options, where)
        if several(options):
            error = compare(prepared(cell, options), options, where, place(options))
        else:
            error = ask(prepared(cell, options), options, where, place(options))
    except NbstreamError as unsent:
        session().last_error = error = unsent
        show_error(error, where)
    for trouble in troubles(options):
        show_error(trouble, where)
    if error is not None and where == "headless":
        raise error
