"""nbstream: talk to a language model from a notebook, token by token."""
