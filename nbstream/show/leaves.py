"""Frames around blocks that hold no blocks: how a paragraph, a fence or a table gives up what is finished.

A paragraph or a heading is cut between words where no emphasis, link or code span is open; code is cut into
the pieces in which it is coloured; a table is cut after each row. What remains begins with a stub: one
character that stands for the paragraph, the heading or the line, the first line of the fence, the header of
the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from .frame import Frame, View, is_solid
from .grammar import LONGEST_HEADER
from .highlight import code_html, next_piece
from .render import Node, Renderer, missing_cells


@dataclass(slots=True)
class Rest:
    """Where the window begins now: at a line of the view, or at a piece of text that replaces that line."""

    done: list[str]  # HTML to commit
    line: int
    text: str | None = None


def frame_leaf(frame: Frame, view: View, node: Node) -> Rest | None:
    """Give the frame of a paragraph, a heading, code or a table its stub; None if it cannot have one."""
    raw = view.lines[node.start]
    if node.kind == "table":
        frame.stub = raw + "\n" + view.lines[node.start + 1] + "\n"
        whole = len(node.children) - (1 if view.lines[-1] else 0)  # a row may become too long to be one
        return Rest([], node.start + 2) if whole > 0 else None
    if node.kind == "code" and node.mark:
        frame.stub, frame.language = raw + "\n", node.language
        return Rest([], node.start + 1) if node.text else None
    first = node.text.split("\n", 1)[0]
    at = _begin(raw, first) if first else -1
    if at < 0:
        return None
    if node.kind == "code":  # indented
        frame.stub, frame.lead = raw[:at] + "x\n", 2
        frame.skip = 2
        return None if raw[:at].strip(" \t>") else Rest([], node.start)
    if node.kind == "h" and node.end - node.start > 1:
        return None  # underlined: it was a paragraph, and grows no more
    if node.kind == "p" and "|" in first and "\n" not in node.text and len(first) <= LONGEST_HEADER:
        return None  # the next line could make it a table's header
    frame.stub, frame.skip, frame.mark = raw[:at] + "x", 1, ""
    return Rest([node.mark], node.start, raw[at:])  # the mark is the box of a task


def _begin(raw: str, content: str) -> int:
    """Where in its line the text of a block begins, or -1. The parser may have taken spaces off its end."""
    for line in (raw, raw.rstrip()):
        if line.endswith(content):
            return len(line) - len(content)
    return -1


def leaf_html(renderer: Renderer, frame: Frame, node: Node, unfinished: bool) -> str:
    """The HTML of what is left of a framed leaf."""
    if frame.kind in ("p", "h"):
        return renderer.inline.html(node.text[frame.skip :], unfinished)
    if frame.kind == "code":
        grows = unfinished and not node.closed
        return code_html(frame.language, node.text[frame.skip :], frame.state, grows)
    return "".join(renderer.html(row, unfinished) for row in node.children)


def consume(renderer: Renderer, frame: Frame, view: View, node: Node) -> Rest | None:
    """Take what is finished from a framed leaf, or None if nothing is."""
    if frame.kind == "table":
        return _rows(renderer, frame, view, node)
    return _pieces(frame, view, node) if frame.kind == "code" else _words(renderer, frame, view, node)


def _rows(renderer: Renderer, frame: Frame, view: View, node: Node) -> Rest | None:
    if not node.children or view.lines[-1]:
        return None  # no row, or the last line is not whole
    frame.missing += missing_cells(view.lines, node)
    return Rest([renderer.html(row) for row in node.children], node.children[-1].end)


def _pieces(frame: Frame, view: View, node: Node) -> Rest | None:
    text, at, state, done = node.text, frame.skip, frame.state, []
    if not node.mark and node.end == len(view.lines):
        text = text.removesuffix("\n")  # the parser's: this line is not whole
    while piece := next_piece(frame.language, text, at, state):
        done.append(piece.html)
        at, state = at + piece.length, piece.after
    begin = text.rfind("\n", 0, at) + 1
    line = node.start + (1 if node.mark else 0) + text.count("\n", 0, at)
    rest = Rest(done, line)
    if at > begin:  # inside a line: one character stands for its beginning
        content = text[begin:].split("\n", 1)[0]
        raw = view.lines[line]
        if not raw.endswith(content) or not is_solid(text[begin:at]):
            return None
        rest.text = raw[: len(raw) - len(content)] + "x" + text[at : begin + len(content)]
    if done:
        frame.state, frame.skip = state, frame.lead + (1 if rest.text else 0)
    return rest if done else None


def _words(renderer: Renderer, frame: Frame, view: View, node: Node) -> Rest | None:
    at, done = frame.skip, []
    begin = node.text.rfind("\n") + 1  # of the last line, which a table may still take as its header
    header = node.kind == "p" and "|" in node.text[begin:] and len(node.text) - begin <= LONGEST_HEADER
    while cut := renderer.inline.next_cut(node.text[at:]):
        end = at + cut[0]
        if end > begin and (header or not is_solid(node.text[begin:end])):
            break
        at = end
        done.append(cut[1])
    line = node.start + node.text.count("\n", 0, at)
    content = node.text[at:].split("\n", 1)[0]
    place = _begin(view.lines[line], content)
    return Rest(done, line, view.lines[line][place:]) if done and place >= 0 else None
