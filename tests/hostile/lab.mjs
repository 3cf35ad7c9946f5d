// What JupyterLab 4.6 does to a `text/markdown` output, without the browser: take the math out, parse with
// marked, write code blocks with the language as it stands, put the math back. Reads a JSON list of texts on
// standard input and answers with a JSON list of {html, math, ms}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { Marked, Renderer } = require("marked");
const { gfmHeadingId } = require("marked-gfm-heading-id");
const { mangle } = require("marked-mangle");

const SEPARATOR = /(\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@\d+@@|\\\\[()[\]])/i;

// Dollars inside fences at the margin and inside one-line code spans are hidden from the search for math.
function hideDollars(text) {
  const hidden = (part) => part.replaceAll("$", "~D");
  return text
    .replaceAll("~", "~T")
    .replace(/^(`{3,}|(?:~T){3,})[^`\n]*\n[\s\S]*?^\1`*$/gm, hidden)
    .replace(/(^|[^\\])(`+)([^\n]*?[^`\n])\2(?!`)/gm, hidden);
}
const showDollars = (text) => text.replace(/~([TD])/g, (_, letter) => (letter === "T" ? "~" : "$"));
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function takeMathOut(source) {
  const coded = source.includes("`") || source.includes("~~~");
  const restore = coded ? showDollars : (text) => text;
  const parts = (coded ? hideDollars(source) : source).replace(/\r\n?/g, "\n").split(SEPARATOR);
  const math = [];
  let from = -1, closing = "", last = -1, depth = 0;
  const forget = () => { from = -1; last = -1; depth = 0; };
  const take = (to) => {
    const body = restore(escaped(parts.slice(from, to + 1).join("")));
    parts[from] = `@@${math.length}@@`;
    parts.fill("", from + 1, to + 1);
    math.push(body);
  };
  for (let at = 1; at < parts.length; at += 2) {
    const part = parts[at];
    if (part[0] === "@") {
      parts[at] = `@@${math.length}@@`;
      math.push(part);
    } else if (from >= 0) {
      if (part === closing) {
        if (depth) last = at;
        else { take(at); from = last = -1; }
      } else if (/\n.*\n/.test(part)) {
        if (last >= 0) { at = last; take(at); }
        forget();
      } else if (part === "{") depth++;
      else if (part === "}" && depth) depth--;
    } else if (part === "$" || part === "$$") {
      [from, closing, depth] = [at, part, 0];
    } else if (part === "\\\\(" || part === "\\\\[") {
      [from, closing, depth] = [at, part.endsWith("(") ? "\\\\)" : "\\\\]", 0];
    } else if (/^\\begin/i.test(part)) {
      [from, closing, depth] = [at, "\\end" + part.slice(6), 0];
    }
  }
  if (from >= 0 && last >= 0) take(last);
  return { text: restore(parts.join("")), math };
}

function putMathBack(html, math) {
  return html.replace(/@@(\d+)@@/g, (_, number) => {
    const body = math[number]; // where there is none JupyterLab throws, and so does this
    if (body.startsWith("\\\\(") && body.endsWith("\\\\)")) return `\\(${body.slice(3, -3)}\\)`;
    if (body.startsWith("\\\\[") && body.endsWith("\\\\]")) return `\\[${body.slice(3, -3)}\\]`;
    return body;
  });
}

const html = (text) => escaped(text).replaceAll('"', "&quot;");
class LabRenderer extends Renderer {
  code(token) {
    if (!token.lang) return super.code(token);
    if (token.lang === "mermaid") return `<div class="jp-Mermaid">${html(token.text)}</div>`;
    // The highlighter cuts words and numbers apart, so that a place-holder in code does not come back whole.
    const body = token.lang === "text" ? html(token.text) : html(token.text).replace(/@@(\d+)/g, "@@<i></i>$1");
    return `<pre><code class="language-${token.lang}">${body}</code></pre>`;
  }
}
const marked = new Marked({ gfm: true, async: false }, gfmHeadingId(), mangle());

const answers = JSON.parse(readFileSync(0, "utf8")).map((source) => {
  const start = performance.now();
  try {
    const { text, math } = takeMathOut(source);
    const page = putMathBack(marked.parse(text, { renderer: new LabRenderer() }), math);
    return { html: page, math, ms: performance.now() - start };
  } catch (error) {
    return { error: String(error), ms: performance.now() - start };
  }
});
process.stdout.write(JSON.stringify(answers));
