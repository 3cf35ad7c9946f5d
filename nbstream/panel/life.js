function createLife(panel, place) {
  return {};
}
