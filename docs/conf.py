"""How Sphinx builds the site; `tools/website.py` lays the pages out for it, once for each language."""

from __future__ import annotations

import os

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
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
