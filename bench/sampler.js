// In the page: what of an answer is visible in each frame, how high it is, and what held the page up.
// Loaded before the page's own scripts, so that the kernel's websocket can be counted.
{
  const socket = { messages: 0, bytes: 0 };
  // Counted here and not by the browser's network log, which would copy every payload to another process.
  window.WebSocket = class extends window.WebSocket {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (!String(url).includes("/channels")) return;
      this.addEventListener("message", ({ data }) => {
        socket.messages += 1;
        socket.bytes += typeof data === "string" ? new Blob([data]).size : data.byteLength ?? data.size;
      });
    }
  };

  const tasks = [];
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) tasks.push([task.startTime, task.duration]);
  }).observe({ type: "longtask", buffered: true });

  // The newest marker in the area. Text only grows at its end, so it is looked for from there.
  const newest = (area) => {
    const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    for (let node = walker.lastChild(); node; node = walker.previousNode()) {
      const found = node.data.slice(-4000).match(/m\d{5}/g);
      if (found) return Number(found.at(-1).slice(1));
    }
    return -1;
  };

  const output = (cell) => window.notebookPanel().content.widgets[cell].outputArea.node;

  window.bench = {
    // Sample the output of a cell in every frame from now on.
    start(cell) {
      const area = output(cell);
      const from = { ...socket };
      const frames = []; // [after layout, height, newest marker], when one of them has changed
      let changed = 0;
      new MutationObserver(() => (changed = performance.now())).observe(area, {
        subtree: true,
        childList: true,
        characterData: true,
      });
      let before = [];
      const frame = () => {
        const height = area.getBoundingClientRect().height; // makes the page lay out what this frame shows
        const last = newest(area);
        if (height !== before[1] || last !== before[2]) {
          before = [performance.now(), height, last];
          frames.push(before);
        }
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      this.state = () => ({
        now: performance.now(),
        changed: Math.max(changed, before[0] ?? 0),
        done: window.cellsDone(),
        newest: before[2] ?? -1,
      });
      this.result = () => ({
        frames,
        tasks,
        changed: this.state().changed,
        messages: socket.messages - from.messages,
        bytes: socket.bytes - from.bytes,
      });
    },

    // What a person reads: rendered Markdown without JupyterLab's ¶ and nbstream's footer, or plain text.
    visible(cell, markdown) {
      const area = output(cell);
      const kind = markdown ? ".jp-RenderedMarkdown, .nbs-body" : ".jp-OutputArea-output";
      const shown = [...area.querySelectorAll(kind)].filter(
        (node) => !node.closest(".nbs-ghost, [data-mime-type*='stderr']"),
      );
      return shown
        .map((node) => {
          const copy = node.cloneNode(true);
          copy.querySelectorAll(".jp-InternalAnchorLink, style").forEach((one) => one.remove());
          if (copy.lastElementChild?.textContent.startsWith("\u27e1")) copy.lastElementChild.remove();
          return copy.textContent;
        })
        .join(" ");
    },
  };
}
