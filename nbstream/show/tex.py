"""Which TeX a model may have typeset: a list of commands known to draw, and none that act.

MathJax is a programming language inside the page: `\\href` links, `\\class`, `\\cssId` and `\\style` reach
the document, `\\def` and `\\require` change what everything after them means. So commands are allowed by
name; math with any other stays plain text.
"""

from __future__ import annotations

import re

from .rules import Rules

LONGEST = 4_000
_DEEPEST = 40

_DRAWING = """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega omicron digamma Gamma Delta Theta
    Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    frac dfrac tfrac cfrac binom dbinom tbinom sqrt root sum prod coprod int iint iiint oint bigcup bigcap
    bigoplus bigotimes bigodot bigvee bigwedge bigsqcup biguplus limits nolimits lim limsup liminf sup inf max
    min arg det dim exp gcd hom ker lg ln log Pr deg sin cos tan cot sec csc arcsin arccos arctan sinh cosh
    tanh coth operatorname mod bmod pmod pod
    left right middle big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr Biggm
    langle rangle lfloor rfloor lceil rceil lvert rvert lVert rVert vert Vert lbrace rbrace lbrack rbrack
    backslash uparrow downarrow updownarrow Uparrow Downarrow Updownarrow ulcorner urcorner llcorner lrcorner
    cdot cdots ldots dots dotsc dotsb dotsm dotsi vdots ddots times div pm mp ast star circ bullet
    oplus ominus otimes oslash odot cap cup uplus sqcap sqcup vee wedge lor land lnot neg setminus wr amalg
    smallsetminus dagger ddagger diamond Diamond bigcirc
    triangle triangleleft triangleright bigtriangleup bigtriangledown
    square Box blacksquare
    le leq leqslant ge geq geqslant ne neq lt gt ll gg lll ggg equiv approx approxeq cong sim simeq propto
    asymp doteq prec succ preceq succeq mid nmid parallel nparallel perp models vdash dashv Vdash vDash bowtie
    in ni notin subset supset subseteq supseteq subsetneq supsetneq nsubseteq nsupseteq sqsubset sqsupset
    sqsubseteq sqsupseteq not coloneqq triangleq trianglelefteq trianglerighteq lesssim gtrsim
    to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow
    longrightarrow longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow mapsto longmapsto
    hookleftarrow hookrightarrow leftharpoonup leftharpoondown rightharpoonup rightharpoondown
    rightleftharpoons leftrightharpoons nearrow searrow swarrow nwarrow iff implies impliedby xrightarrow
    xleftarrow rightsquigarrow leadsto upharpoonright
    forall exists nexists emptyset varnothing infty partial nabla Re Im ell wp aleph beth hbar hslash imath
    jmath prime angle measuredangle sphericalangle top bot therefore because complement surd flat natural
    sharp clubsuit diamondsuit heartsuit spadesuit checkmark eth mho
    hat widehat tilde widetilde bar overline underline vec overrightarrow overleftarrow overleftrightarrow dot
    ddot dddot acute grave breve check mathring overbrace underbrace overset underset stackrel substack
    boxed cancel bcancel xcancel not phantom hphantom vphantom
    mathbb mathbf mathcal mathfrak mathit mathrm mathsf mathtt mathscr mathnormal boldsymbol bm pmb
    rm bf it sf tt cal frak
    text textbf textit textrm textsf texttt textnormal mbox
    quad qquad thinspace medspace thickspace enspace displaystyle textstyle scriptstyle scriptscriptstyle
    tag notag nonumber hline hdashline over choose atop brace brack colon lbrace rbrace degree pounds
    begin end
"""
_COMMANDS = frozenset(_DRAWING.split())
_SYMBOLS = frozenset("\\,;:!>{}|_#& ")
_ARRAYS = """
    equation equation* align align* aligned alignat alignat* alignedat gather gather* gathered multline
    multline* split eqnarray eqnarray* matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array cases
    rcases dcases subarray
"""
_ENVIRONMENTS = frozenset(_ARRAYS.split())
_FORBIDDEN = re.compile(r"[`\"%$\x00-\x1f\x7f]|@@|&#|://|www\.|\w@\w", re.IGNORECASE)
_TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|([{}])|(<)")
_ENVIRONMENT = re.compile(r"\{([a-zA-Z]+\*?)\}")
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")
_TEXT_LESS_THAN = re.compile(r"\\(?:text[a-z]*|mbox)\s*\{[^{}]*<")


def safe_tex(source: str, rules: Rules) -> str | None:
    r"""TeX on one line that only draws, or None.

    >>> from .rules import RULES
    >>> safe_tex("a<b\n\\\\ c", RULES)
    'a\\lt b \\\\ c'
    >>> safe_tex(r"\href{javascript:x}{y}", RULES) is None
    True
    """
    tex = " ".join(_LABEL.sub("", source).split())
    if len(tex) > LONGEST or _TEXT_LESS_THAN.search(tex):
        return None
    if rules.math_characters and _FORBIDDEN.search(tex):
        return None
    written = _Checked(tex, rules).written()
    if written is None:
        return None
    # In front of the closing dollar a backslash would escape it.
    tex = re.sub(r"(?:\s*\\\\)+\s*$", "", written).strip()
    if not tex or tex.endswith("\\") or tex.startswith("$"):
        return None
    # Nothing that would be a link, an image or an entity where nobody typesets it.
    return re.sub(r"&(?=[A-Za-z#])", "& ", tex.replace("](", "] (").replace("][", "] ["))


class _Checked:
    """One pass over the tokens of a formula: allowed, balanced, `<` spelled out."""

    def __init__(self, tex: str, rules: Rules) -> None:
        self._tex, self._rules = tex, rules
        self._depth = 0
        self._open: list[tuple[str, int]] = []

    def written(self) -> str | None:
        out: list[str] = []
        at = 0
        while found := _TOKEN.search(self._tex, at):
            out.append(self._tex[at : found.start()])
            piece = self._piece(found)
            if piece is None:
                return None
            out.append(piece)
            at = found.end()
        rest = self._tex[at:]
        if "\\" in rest:  # a lone one at the end
            return None
        if self._rules.math_balance and (self._depth or self._open):
            return None
        return "".join([*out, rest])

    def _piece(self, found: re.Match[str]) -> str | None:
        command, symbol, brace, less = found.groups()
        after = self._tex[found.end() : found.end() + 1]
        if less:
            if not self._rules.math_less_than:
                return "<"
            return "\\lt" if after == " " else "\\lt "
        if brace:
            self._depth += 1 if brace == "{" else -1
            return brace if 0 <= self._depth <= _DEEPEST or not self._rules.math_balance else None
        if command:
            return self._command(command, found)
        if symbol not in _SYMBOLS and self._rules.math_commands:
            return None
        # JupyterLab reads `\\{` as a backslash and an escaped brace, and would count its braces wrong.
        return "\\\\ " if symbol == "\\" and after not in ("[", " ", "") else "\\" + symbol

    def _command(self, name: str, found: re.Match[str]) -> str | None:
        if not self._rules.math_commands:
            return found[0]
        if name not in _COMMANDS:
            return None
        if name in ("begin", "end"):
            environment = _ENVIRONMENT.match(self._tex, found.end())
            if not environment or environment[1] not in _ENVIRONMENTS:
                return None
            if name == "begin":
                self._open.append((environment[1], self._depth))
            elif not self._open or self._open.pop() != (environment[1], self._depth):
                return None
        return found[0]


def in_table(tex: str) -> str | None:
    """The same formula without a pipe, which would end its cell; None where that cannot be."""
    if re.search(r"\\begin\{(?:array|subarray)\}\{[^{}]*\|", tex):
        return None
    return re.sub(r"\\\||\|", lambda pipe: "\\Vert " if pipe[0] == "\\|" else "\\vert ", tex)
