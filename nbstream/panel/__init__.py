"""The chat panel: a conversation with a composer, in the output of a cell."""
