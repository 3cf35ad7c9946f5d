"""The tree of latex2mathml as MathML that browsers draw right (MathML Core), written out by us.

Its text holds entities that it undoes in the finished string, whatever else is in there: here they become
characters, which are escaped. Elements and attributes it may not have are refused or left out. Then what
MathML Core has no attribute for: letters of another alphabet are characters of their own, limits go below
operators, words get the space that TeX puts around them.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from xml.etree.ElementTree import Element

from latex2mathml.symbols_parser import convert_symbol

from .clean import clean_inline
from .mathml import ATTRIBUTES
from .retex import Refused

DEEPEST = 60
MOST = 3_000  # elements
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
_LENGTH = re.compile(r"[-+]?\d*\.?\d+(?:em|ex|px|pt)|0")
_CAPITAL = re.compile("[\u0391-\u03a9]")  # Greek ones stand upright
_WORD = re.compile(r"[a-z]+(?:\s[a-z]+)*", re.IGNORECASE)
_SPACES = {"thin": "0.167em", "medium": "0.222em", "thick": "0.278em"}
_SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_LIMITS = frozenset(("lim", "max", "min", "sup", "inf", "det", "gcd", "Pr", "argmax", "argmin"))
_BIG = frozenset("∑∏∐⋀⋁⋂⋃⨀⨁⨂⨄⨆")
_ACCENTS = frozenset("´¯˘ˇ˙¨^`~˚→←↔\u20db\u20dc")
_ORDINARY = frozenset("∀∁∂∃∄∅∆∇∞∟∠∡∢∴∵⊤⊥∎⋮⋯⋱…°")
_BRACKETS = frozenset("()[]{}|‖")
_OPENING = frozenset("([{⟨⌊⌈|‖")
_TIGHT = frozenset("|‖")
_WRITING = ("bold", "italic", "sans-serif", "monospace")
_VARIANTS = {
    "bold": "BOLD",
    "italic": "ITALIC",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
    "sans-serif-italic": "SANS-SERIF ITALIC",
    "monospace": "MONOSPACE",
}


def written(math: Element, display: bool) -> str:
    """The formula as HTML. Raises `Refused` for what is not as it should be."""
    if sum(1 for _ in math.iter()) > MOST:
        raise Refused
    _mend(math, 0)
    for name in set(math.attrib) - {"display"}:
        del math.attrib[name]
    return _html(math)


def _html(element: Element) -> str:
    tag = element.tag
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items())
    inside = escape(element.text or "", quote=False) + "".join(map(_html, element))
    return f"<{tag}{attributes}>{inside}</{tag}>"


def _mend(element: Element, depth: int) -> None:
    if depth > DEEPEST or element.tag not in ATTRIBUTES or element.tail:
        raise Refused
    if element.text:
        _leaf(element)
    children = list(element)
    if children and element.text:
        raise Refused
    for child in children:
        _mend(child, depth + 1)
    {"mtable": _table, "mo": _operator, "mspace": _space, "mpadded": _padded}.get(element.tag, _nothing)(
        element
    )
    _scripts(element)
    _row(element)
    allowed = ATTRIBUTES[element.tag] if element.text or element.tag != "mi" else ()
    for name in [name for name in element.attrib if name not in allowed]:
        del element.attrib[name]


def _nothing(element: Element) -> None:
    pass


def _leaf(element: Element) -> None:
    """Text: characters for entities, and the alphabet that a font is in Unicode."""
    if element.tag == "mo" and "minsize" in element.attrib and (sign := convert_symbol(element.text or "")):
        element.text = f"&#x{sign};"  # \\big\\langle
    text = clean_inline(_ENTITY.sub(lambda found: chr(int(found[1], 16)), element.text or ""))
    raw = element.text or ""
    if element.tag in ("mi", "mo", "mn"):
        # What latex2mathml does not know it shows as it is written; an escaped sign is an entity by now.
        if "\\" in raw or raw in ("{", "}", "&", "#", "$", "^", "_") or text in ("`", '"'):
            raise Refused
        if text in ":;" or (len(text) == 1 and element.tag == "mi" and unicodedata.category(text) == "Sm"):
            element.tag = "mo"
        if text in _ORDINARY:
            element.tag = "mi"
        variant = element.attrib.pop("mathvariant", "normal" if element.tag == "mo" else None)
        if variant in _VARIANTS:
            text = "".join(_letter(one, _VARIANTS[variant]) for one in text)
        elif element.tag == "mi" and len(text) == 1 and (variant == "normal" or _CAPITAL.match(text)):
            element.set("mathvariant", "normal")
        if text and not text.strip("′″‴⁗"):
            element.tag = "mo"
    elif element.tag != "mtext":
        raise Refused
    if element.tag == "mtext" and element.get("mathvariant") not in _WRITING:
        element.attrib.pop("mathvariant", None)
    element.text = text


def _letter(letter: str, style: str) -> str:
    if letter == "-" or (style == "ITALIC" and not letter.isascii()):
        return letter
    name = re.sub(r"^(?:LATIN|GREEK) ", "", unicodedata.name(letter, "")).replace(" LETTER", "")
    for full in (f"MATHEMATICAL {style} {name}", f"{style} {name}", f"BLACK-LETTER {name}"):
        try:
            return unicodedata.lookup(full)
        except KeyError:
            pass
        if style not in ("SCRIPT", "FRAKTUR", "DOUBLE-STRUCK"):
            break
    return letter


def _operator(element: Element) -> None:
    text = element.text or ""
    if len(element):  # \\mathop and its like
        raise Refused
    if "minsize" in element.attrib:
        element.set("stretchy", "true")
    if text in _TIGHT and "fence" not in element.attrib:
        element.attrib.update(stretchy="false", lspace="0", rspace="0")


def _space(element: Element) -> None:
    if element.get("linebreak"):
        raise Refused
    width = element.get("width", "0")
    if named := re.fullmatch(r"(negative)?(?:very)?(thin|medium|thick)mathspace", width):
        width = ("-" if named[1] else "") + _SPACES[named[2]]
    element.set("width", width if _LENGTH.fullmatch(width) else "0")


def _padded(element: Element) -> None:
    if "voffset" in element.attrib:  # upon an arrow
        element.tag, element.attrib = "mrow", {}
        gap = Element("mspace", {"width": "0.4em"})
        element.insert(0, gap)
        element.append(Element("mspace", {"width": "0.4em"}))
    for name, value in list(element.attrib.items()):
        if not _LENGTH.fullmatch(value) or value[0] in "+-":
            del element.attrib[name]


def _table(element: Element) -> None:
    """Lines are said of each cell, where a style sheet can draw them."""
    columns = element.get("columnlines", "").split()
    rows = element.get("rowlines", "").split()
    for number, row in enumerate(element):
        for place, cell in enumerate(row):
            if columns[place : place + 1] == ["solid"]:
                cell.set("columnlines", "solid")
            if rows[number : number + 1] in (["solid"], ["dashed"]):
                cell.set("rowlines", rows[number])


def _scripts(element: Element) -> None:
    tag = element.tag
    if tag not in _SCRIPTS and tag not in _SCRIPTS.values():
        return
    base = element[0]
    if tag in _SCRIPTS and base.tag == "mo":
        movable = base.get("movablelimits") == "true" or base.text in _LIMITS or base.text in _BIG
        if movable:
            element.tag = _SCRIPTS[tag]
            base.set("movablelimits", "true")
    elif tag in ("mover", "munder") and element[1].text == "―":
        # A border grows with what it is on, whatever the font has.
        element.remove(element[1])
        element.tag, element.attrib = "menclose", {"notation": "top" if tag == "mover" else "bottom"}
    elif tag in ("mover", "munder") and len(element) == 2 and element[1].tag == "mo":
        mark = element[1].text
        if mark in _ACCENTS and tag == "mover":
            element.set("accent", "true")
            if mark in ("^", "→") and "stretchy" not in element[1].attrib and _single(base):
                element[1].set("stretchy", "false")


def _single(base: Element) -> bool:
    return sum(len(part.text or "") for part in base.iter()) == 1


def _row(element: Element) -> None:
    """Words (sin, lim, softmax) have a thin space on both sides, but for that of a bracket; `not` strikes."""
    children = list(element)
    if element.tag in _SCRIPTS or element.tag in _SCRIPTS.values() or element.tag in ("mfrac", "mroot"):
        children = [child for child in children if child.tag == "mo" or child.tag == "mi"]
        for child in children:
            _word(child, None)
        return
    for place, child in enumerate(children):
        following = children[place + 1] if place + 1 < len(children) else None
        if child.tag == "mpadded" and len(child) == 1 and child[0].text == "⧸" and following is not None:
            if following.tag not in ("mo", "mi") or len(following.text or "") != 1:
                raise Refused
            following.text = (following.text or "") + "\u0338"
            element.remove(child)
        elif child.tag == "mo" and not child.text:
            element.remove(child)
        elif child.tag == "mo" and "form" not in child.attrib and child.text in _BRACKETS:
            _bracket(child, children[place - 1] if place else None, following)
        else:
            _word(_core(child), following)


def _bracket(child: Element, before: Element | None, following: Element | None) -> None:
    """Those of a matrix or a binomial are as high as it is."""
    if child.get("stretchy") == "false" and child.text not in _TIGHT:
        return  # one that was typed
    for beside, form in ((following, "prefix"), (before, "postfix")):
        if beside is not None and (beside.tag == "mtable" or beside.get("linethickness") == "0"):
            child.attrib = {"stretchy": "true", "form": form}


def _core(element: Element) -> Element:
    while len(element) and (element.tag in _SCRIPTS or element.tag in _SCRIPTS.values()):
        element = element[0]
    return element


def _word(element: Element, following: Element | None) -> None:
    text = element.text or ""
    if element.tag not in ("mi", "mo") or not _WORD.fullmatch(text):
        return
    if (element.tag == "mi" and len(text) < 2) or text == "mod":
        return
    element.tag = "mo"
    element.set("lspace", "0.167em")
    tight = (
        following is not None
        and (following.text or (following[0].text if len(following) else "")) in _OPENING
    )
    element.set("rspace", "0" if tight else "0.167em")
