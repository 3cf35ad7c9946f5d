"""JavaScript that the harness runs in a page: finding the notebook, starting it over, reading an answer."""

from __future__ import annotations

# The notebook panel, wherever the front end keeps it. `minified` names differ by build: look at shapes.
PANEL = """
window.notebookPanel = () => {
  for (const w of window.jupyterapp?.shell?.widgets('main') ?? [])
    if (w.sessionContext && w.content?.widgets && w.context) return w;
};
window.kernelReady = () => {
  const p = window.notebookPanel();
  return !!p && p.context.isReady && p.sessionContext.isReady
    && p.sessionContext.session?.kernel?.status === 'idle';
};
window.cellsDone = () => {
  const p = window.notebookPanel();
  return !window.runningCommands && p.sessionContext.session?.kernel?.status === 'idle'
    && p.content.widgets.every(w => w.model.type !== 'code' || w.model.executionState !== 'running');
};
// Just after each paint: within a frame there are states that nobody sees.
window.eachFrame = look => {
  const mine = window.recorder = {};
  const frame = () => requestAnimationFrame(() => scheduler.postTask(then, { priority: 'user-blocking' }));
  const then = () => { if (window.recorder === mine) { look(); frame(); } };
  frame();
};
window.runCommand = (id, args) => {
  window.runningCommands = (window.runningCommands ?? 0) + 1;
  window.jupyterapp.commands.execute(id, args ?? {}).finally(() => { window.runningCommands -= 1; });
};
"""
# The live view's body; else the settled Markdown but for its last paragraph, when that is our footer, and
# without the ¶ which JupyterLab shows beside a heading under the mouse.
ANSWER = """
area => {
  const shown = [...area.querySelectorAll('.nbs-body, .jp-RenderedMarkdown')]
    .filter(node => !node.closest('.nbs-ghost') && node.getBoundingClientRect().height > 0);
  return shown.map(node => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll('.jp-InternalAnchorLink, .nbs-foot').forEach(extra => extra.remove());
    if (copy.lastElementChild?.textContent.startsWith('\u27e1')) copy.lastElementChild.remove();
    return [...copy.children].map(block => block.textContent).join(' ');
  }).join(' ');
}
"""
# Show what is in the file now, with a kernel that knows nothing: what a new page would, only sooner.
START_OVER = """
async () => {
  const panel = window.notebookPanel();
  window.recorder = null;
  await panel.context.revert();
  await panel.sessionContext.session.kernel.restart();
  document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
}
"""

# Where a test failed: the state of the kernel, and of each code cell its prompt, first line and what stands
# below it, in the page and in the notebook.
TOLD = """() => {
  const panel = window.notebookPanel();
  const kernel = panel.sessionContext.session?.kernel;
  const cells = panel.content.widgets.filter(cell => cell.outputArea).map(cell => [
    `[${cell.prompt ?? ''}] ${cell.model.sharedModel.source.split('\\n')[0].slice(0, 60)}`,
    JSON.stringify(cell.outputArea.node.textContent.slice(-300)),
    ...cell.model.outputs.toJSON().map(output => '  ' + JSON.stringify(output).slice(0, 300)),
  ].join('\\n  '));
  return [`kernel: ${kernel?.status}, ${kernel?.connectionStatus}`, ...cells];
}"""
