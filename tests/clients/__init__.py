"""The vendors' own clients against our fakes: what they take for their service, we may take for it too.

Each client runs once, in a process of its environment (``tools/clients.py`` makes it), on a script
``with_<client>.py`` here: it asks for each model it is given and prints what came, in its own words.
"""
