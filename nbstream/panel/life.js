// Whether the kernel is there, and whether the notebook holds what is said.

const page = Math.random().toString(36).slice(2); // only the first can have what is saved written anew

function createLife(panel, place) {
  const { words, memory } = panel;
  const kernel = panel.model.widget_manager?.kernel ?? {};
  const cell = () => place.closest(".jp-Cell") ?? {};
  const hello = () => panel.say({ do: "hello", page });
  let shown, blocked, away, taken;

  function say(text = "", label, does) {
    if (shown === (shown = text)) return;
    place.replaceChildren(text);
    place.hidden = !text;
    if (does) panel.button(label, "", place, does);
  }

  function show() {
    const { saved, restore } = panel.state;
    const { connectionStatus: line = "connected" } = kernel;
    const go = cell().nodeType && (() => cell().querySelector(".cm-content").focus());
    if (away && line === "connected") panel.sync(true);
    away = line !== "connected";
    const why = words[memory.gone ?? (away && "life_away")];
    if (blocked !== (blocked = why)) panel.parts.composer.block(why && words.life_off);
    if (memory.gone) say(why, "to_cell", go);
    else if (away) say(why, "reconnect", line === "disconnected" && (() => kernel.reconnect()));
    else if (restore) say(restore.line, "restore", () => panel.say({ do: "restore" }));
    else if (saved?.behind && saved.home !== page) say(words.life_behind, "to_cell", go);
    else say();
  }

  function hear(_, status) {
    if (/restarting/.test(status)) memory.gone = "life_restarting";
    else if (/dead|terminating/.test(status)) memory.gone = "life_dead";
    else if (status === "lost") memory.gone ??= "life_lost";
    else if (status === "starting" || memory.gone === "life_restarting") memory.gone = "life_restarted";
    // The panel which this cell makes next goes on with what stands in the box.
    if (memory.gone) cell().nbpBox = panel.root.querySelector(".nbp-composer textarea");
    show();
  }

  const signals = { statusChanged: hear, connectionStatusChanged: show, disposed: () => hear(0, "lost") };
  for (const name in signals) kernel[name]?.connect(signals[name]);
  place.role = "status";
  setTimeout(() => (panel.lost ? hear(0, "lost") : show()), 200); // when it stands in its cell
  hello();

  return {
    state(state, changed, full) {
      if (full && !memory.gone) {
        state.draft ||= cell().nbpBox?.value;
        delete cell().nbpBox;
      }
      // The first page says what it has taken.
      if (changed.includes("saved") && state.saved.home === page && taken !== (taken = state.saved.written)) hello();
      show();
    },
    close() {
      for (const name in signals) kernel[name]?.disconnect(signals[name]);
    },
  };
}
