"""The rules of the settled Markdown, as switches.

Nobody turns them off: they are data so that a test can remove each in turn and prove that the corpus
of hostile answers notices. What each one stops was measured in JupyterLab, which parses with marked and
takes math out of the text before it does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Each field names what is done; its comment says what happens without it."""

    clean: bool = True  # escape sequences, overrides and lone surrogates reach the page
    clean_entities: bool = True  # the same, spelled as ``&#x202e;``
    footer_mark: bool = True  # an answer imitates our footer
    less_than: bool = True  # tags run
    ampersand: bool = True  # an entity which the model escaped is decoded after all
    backslash: bool = True  # marked and we disagree on what it escapes; MathJax reads commands
    math_openers: bool = True  # ``\\(`` or ``\\begin`` in prose is typeset by MathJax
    backtick: bool = True  # a code span begins where we saw none
    marks: bool = True  # ``* _ [ ] ~ |`` become markup where we saw text
    dollar: bool = True  # prices are typeset; a dollar swallows what follows
    dollar_bulk: bool = True  # 20,000 elements freeze the page
    autolinks: bool = True  # marked makes links of bare addresses and may swallow a backtick
    line_start: bool = True  # text turns into headings, lists, quotes
    schemes: bool = True  # file:, data: and relative links
    percent: bool = True  # a quote or dollar in an address becomes a handler attribute
    link_brackets: bool = True  # marked takes the backslash off brackets in a link, and parses it again
    titles: bool = True  # a title is one more attribute which math can break out of
    images_as_links: bool = True  # a remote image tells its server who read what
    bang: bool = True  # a literal ``!`` turns the link after it into an image
    fence_language: bool = True  # JupyterLab writes the language unescaped into an attribute
    mermaid: bool = True  # diagrams make network requests
    fence_length: bool = True  # code closes its own fence
    fence_math: bool = True  # math in code reaches out of its fence, or is lost in highlighting
    tabs_in_lists: bool = True  # marked turns them into spaces
    code_delimiter: bool = True  # a backtick in code ends its span
    code_math: bool = True  # ``\\begin{x}`` in a code span swallows its closing backtick
    table_pipes: bool = True  # a pipe in a cell begins the next one
    math_commands: bool = True  # TeX makes links, classes, styles and macros
    math_characters: bool = True  # quotes, backticks, percent and ``@@`` in math reach the parser
    math_balance: bool = True  # an open brace hides the closing dollar
    math_less_than: bool = True  # ``<`` in math is a tag elsewhere
    emphasis_tags: bool = True  # emphasis next to punctuation shows its asterisks
    blank_lines: bool = True  # blocks melt into one another
    bounds: bool = True  # nesting and bulk hang the parser, here or there


RULES = Rules()
