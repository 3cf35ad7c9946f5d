// In the page of a chat: when what is typed and what the model says can be seen, and what held the page up.
// Loaded before the page's own scripts, so that every websocket can be counted.
{
  const socket = { messages: 0, bytes: 0 };
  window.WebSocket = class extends window.WebSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        socket.messages += 1;
        socket.bytes += typeof data === "string" ? new Blob([data]).size : (data.byteLength ?? data.size);
      });
    }
  };

  const tasks = [];
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) tasks.push([task.startTime, task.duration]);
  }).observe({ type: "longtask", buffered: true });

  const pressed = []; // when the keys went down whose letters are not seen yet
  addEventListener("keydown", (event) => event.key === "k" && pressed.push(event.timeStamp), true);

  // The last element that `css` matches, also inside of shadow roots.
  const deep = (css, root = document) => {
    const here = [...root.querySelectorAll(css)].at(-1);
    if (here) return here;
    for (const node of root.querySelectorAll("*")) {
      const found = node.shadowRoot && deep(css, node.shadowRoot);
      if (found) return found;
    }
    return null;
  };

  // The newest marker in `node`, looked for from its end, and not further than the last answer goes.
  const newest = (node, left = { nodes: 2000 }) => {
    if (node.nodeType === 3) {
      const found = node.data.slice(-4000).match(/m\d{5}/g);
      return found ? Number(found.at(-1).slice(1)) : -1;
    }
    for (const from of [node, node.shadowRoot]) {
      for (let at = from?.lastChild; at && left.nodes-- > 0; at = at.previousSibling) {
        const found = newest(at, left);
        if (found >= 0) return found;
      }
    }
    return -1;
  };

  const typed = (box) => ((box.value ?? box.textContent).match(/k/g) ?? []).length;

  // Just after each paint, until `look` says that it has seen enough.
  const eachPaint = (look) =>
    requestAnimationFrame(() =>
      scheduler.postTask(() => look() || eachPaint(look), { priority: "user-blocking" }),
    );

  window.chatting = {
    deep,
    // Look at a box and a log from now on.
    start(boxCss, logCss) {
      const box = deep(boxCss);
      const log = deep(logCss);
      const from = { ...socket };
      const begun = performance.now();
      const frames = []; // [painted, newest marker], when that has changed
      const keys = []; // [pressed, painted]
      pressed.length = 0;
      let letters = typed(box);
      const before = newest(log); // the answer before has markers too
      let last = -1;
      const mine = (this.looking = {});
      eachPaint(() => {
        if (this.looking !== mine) return true; // another one does
        const now = performance.now();
        const marker = newest(log);
        if (marker !== last && (frames.length || marker !== before)) frames.push([now, (last = marker)]);
        for (const upto = typed(box); letters < upto; letters++) keys.push([pressed.shift(), now]);
      });
      this.state = () => ({ now: performance.now(), changed: frames.at(-1)?.[0] ?? begun, newest: last });
      this.result = () => ({
        frames,
        keys,
        lost: pressed.length,
        tasks: tasks.filter(([at]) => at >= begun),
        messages: socket.messages - from.messages,
        bytes: socket.bytes - from.bytes,
      });
    },

    // When the panel that `run` opens can be seen: its box, and the word with which its log ends.
    opening(boxCss, logCss, word, run) {
      const begun = performance.now();
      this.opened = null;
      run();
      eachPaint(() => {
        const box = document.querySelector(boxCss);
        const log = document.querySelector(logCss);
        if (this.opened === null && box?.offsetHeight && log?.textContent.includes(word)) {
          this.opened = performance.now() - begun;
        }
        return this.opened !== null;
      });
    },
  };
}
