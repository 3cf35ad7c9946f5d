// Runs in the notebook page: what stands in the outputs, told in plain data.
() => {
  const TAGS = new Set(("P H1 H2 H3 H4 H5 H6 UL OL LI PRE CODE BLOCKQUOTE EM STRONG DEL A TABLE THEAD TBODY TR TH TD" +
    " BR HR SPAN INPUT").split(" "));
  const SCHEMES = new Set(["http:", "https:", "mailto:"]);
  const NAMES = new Set(["href", "class", "start", "align", "type", "disabled", "checked", "rel", "target", "id"]);
  return [...document.querySelectorAll(".jp-OutputArea-output .jp-RenderedMarkdown, .jp-RenderedMarkdown.jp-OutputArea-output")]
    .map((output) => {
      const findings = [];
      const formulas = [...output.querySelectorAll("mjx-container")];
      const broken = formulas.filter((formula) => formula.querySelector("merror, [mathcolor=red]")).length;
      for (const formula of formulas) {
        for (const node of formula.querySelectorAll("*")) {
          if (!/^(mjx-|MJX-|math$|m[a-z]+$|semantics$|annotation$)/i.test(node.tagName)) findings.push(`math: <${node.tagName}>`);
          for (const { name, value } of node.attributes)
            if (/^on|href|src|^id$/i.test(name) || /url\(|position/i.test(value)) findings.push(`math: ${name}=${value}`);
        }
        formula.replaceWith("⟦formula⟧");
      }
      for (const node of output.querySelectorAll("*")) {
        const own = node.classList.contains("jp-InternalAnchorLink");
        if (!TAGS.has(node.tagName)) findings.push(`<${node.tagName}>`);
        for (const { name, value } of node.attributes)
          // JupyterLab's own: the names of headings, and their numbers in a table of contents.
          if (!own && !NAMES.has(name) && !(name === "data-jupyter-id" && /^H\d$/.test(node.tagName))) findings.push(`${name}=${value} on <${node.tagName}>`);
        if (node.tagName === "A" && !own && !SCHEMES.has(node.protocol)) findings.push(`address ${node.href}`);
        if (node.className && !/^(language-[\w+#.-]{1,24}|ͼ.*|cm-.*|tok-.*|jp-InternalAnchorLink|numbering-entry)$/.test(node.className) &&
            !(node.closest("pre") && node.tagName === "SPAN")) findings.push(`class ${node.className}`);
      }
      return {
        findings,
        formulas: formulas.length,
        broken,
        code: [...output.querySelectorAll("pre")].map((block) => block.textContent),
        html: output.innerHTML,
        text: output.textContent,
      };
    });
}
