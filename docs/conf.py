"""How Sphinx builds the site; `tools/website.py` lays the pages out for it, once for each language."""

from __future__ import annotations

import os
import re
from itertools import pairwise

from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

language = os.environ.get("NBSTREAM_DOCS", "en")
chinese = language.startswith("zh")

project = "nbstream"
author = "The nbstream developers"
html_title = "nbstream 文档" if chinese else "nbstream"
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_static_path: list[str] = []

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
myst_heading_anchors = 4
# Pages and files that this build does not hold: the other language's, the executed notebooks.
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "site": {"url": "{{path}}"},
    "part": {"url": "{{path}}#{{fragment}}"},
}
default_role = "py:obj"  # names of ours between single backticks lead to what they name
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
pygments_style = "friendly"
pygments_dark_style = "monokai"


class Chinese(SearchLanguage):
    """Chinese is written without blanks: pairs of neighbours stand in the index, and are asked for.

    Sphinx's own way cuts words with a large dictionary, if that is installed, for the index alone; a reader's
    question is not cut, so that most of what one types is not found.
    """

    lang = "zh_CN"
    language_name = "Chinese"
    js_splitter_code = r"""
function splitQuery(query) {
  return (query.match(/[\u3400-\u9fff]+|[\p{L}\p{N}_]+?(?=[\u3400-\u9fff]|[^\p{L}\p{N}_]|$)/gu) || [])
    .flatMap((run) => /[\u3400-\u9fff]/.test(run) && run.length > 2
      ? [...run].slice(1).map((one, place) => run[place] + one) : [run]);
}
"""

    def split(self, input: str) -> list[str]:
        runs = re.findall(r"[\u3400-\u9fff]+|[^\W\u3400-\u9fff]+", input)
        words = []
        for run in runs:
            if re.match(r"[\u3400-\u9fff]", run):
                words += [*run, *map("".join, pairwise(run))]
            else:
                words.append(run)
        return words

    def word_filter(self, word: str) -> bool:
        return True


def setup(app: Sphinx) -> None:
    app.add_search_language(Chinese)
