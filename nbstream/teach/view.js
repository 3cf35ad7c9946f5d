// What the views of this folder have in common; each defines its own `View` behind this, in the same module.

const shared = new Map(); // for initialize() and render(), which get different model objects

function views(model) {
  const key = model.get("key");
  if (!shared.has(key)) shared.set(key, new Set());
  return shared.get(key);
}

function make(tag, name = "", parent, text = "") {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  parent?.append(node);
  return node;
}

export default {
  initialize({ model }) {
    const all = views(model);
    model.on("msg:custom", (msg) => all.forEach((view) => view.receive(msg)));
    return () => shared.delete(model.get("key"));
  },
  render({ model, el }) {
    const view = new View(model, el);
    views(model).add(view);
    return () => {
      views(model).delete(view);
      view.close();
    };
  },
};
