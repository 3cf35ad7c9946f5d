"""Frames around blocks that hold no blocks: how a paragraph, a fence or a table gives up what is finished.

A paragraph is cut between words where no emphasis, link or code span is open; code is cut into the pieces in
which it is coloured; a table is cut after each row. What remains begins with a stub: one character that
stands for the paragraph or the line, the first line of the fence, the header of the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from .frame import Frame, Misfit, View, is_solid
from .highlight import code_html, next_piece
from .render import Node, Renderer

_MOST_MISSING = 60_000  # markdown-it ends a table which lacks more cells


@dataclass(slots=True)
class Rest:
    """Where the window begins now: at a line of the view, or at a piece of text that replaces that line."""

    done: list[str]  # HTML to commit
    line: int
    text: str | None = None


def frame_leaf(frame: Frame, view: View, node: Node) -> Rest | None:
    """Give the frame of a paragraph, a fence or a table its stub; None if it cannot have one."""
    raw = view.lines[node.start]
    if node.kind == "p":
        first, line = node.text.split("\n", 1)[0], raw.rstrip()
        if not first or not line.endswith(first) or ("|" in node.text and "\n" not in node.text):
            return None  # the next line could make it a table's header
        at = len(line) - len(first)
        frame.stub, frame.skip = raw[:at] + "x", 1
        return Rest([node.mark], node.start, raw[at:])  # the mark is the box of a task
    if node.kind == "code" and node.mark and node.text:
        frame.stub, frame.language = raw + "\n", node.language
        return Rest([], node.start + 1)
    if node.kind == "table" and node.children:
        frame.stub = raw + "\n" + view.lines[node.start + 1] + "\n"
        return Rest([], node.start + 2)
    return None


def leaf_html(renderer: Renderer, frame: Frame, node: Node, unfinished: bool) -> str:
    """The HTML of what is left of a framed leaf."""
    if frame.kind == "p":
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
    frame.missing += sum(row.cells.count("") for row in node.children)
    if frame.missing > _MOST_MISSING:
        raise Misfit
    return Rest([renderer.html(row) for row in node.children], node.children[-1].end)


def _pieces(frame: Frame, view: View, node: Node) -> Rest | None:
    at, state, done = frame.skip, frame.state, []
    while piece := next_piece(frame.language, node.text, at, state):
        done.append(piece.html)
        at, state = at + piece.length, piece.after
    begin = node.text.rfind("\n", 0, at) + 1
    line = node.start + 1 + node.text.count("\n", 0, at)
    rest = Rest(done, line)
    if at > begin:  # inside a line: one character stands for its beginning
        content = node.text[begin:].split("\n", 1)[0]
        raw = view.lines[line]
        if not raw.endswith(content) or not is_solid(node.text[begin:at]):
            return None
        rest.text = raw[: len(raw) - len(content)] + "x" + node.text[at : begin + len(content)]
    if done:
        frame.state, frame.skip = state, 1 if rest.text else 0
    return rest if done else None


def _words(renderer: Renderer, frame: Frame, view: View, node: Node) -> Rest | None:
    at, done = frame.skip, []
    begin = node.text.rfind("\n") + 1  # of the last line, which a table may still take as its header
    while cut := renderer.inline.next_cut(node.text[at:]):
        end = at + cut[0]
        if end > begin and ("|" in node.text[begin:] or not is_solid(node.text[begin:end])):
            break
        at = end
        done.append(cut[1])
    line = node.start + node.text.count("\n", 0, at)
    raw = view.lines[line]
    content = node.text[at:].split("\n", 1)[0]
    found = raw if raw.endswith(content) else raw.rstrip()
    if not done or not found.endswith(content):
        return None
    return Rest(done, line, raw[len(found) - len(content) :])
