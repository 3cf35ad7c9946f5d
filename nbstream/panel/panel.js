export default {
	initialize({ model }) {
		const views = viewsOf(model);
		model.on("msg:custom", (msg, buffers) => views.forEach((view) => view.receive(msg, buffers)));
		return () => delete panels[model.get("panel")];
	},
	render({ model, el }) {
		const view = createPanel(model, el);
		viewsOf(model).add(view);
		return () => {
			viewsOf(model).delete(view);
			view.close();
		};
	},
};
