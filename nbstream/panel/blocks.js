function dress(panel, body, from) {}
