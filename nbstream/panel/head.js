function createHead(panel, place) {
  return {};
}
