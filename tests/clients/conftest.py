"""The scripts are for other environments: there is nothing to collect in them here."""

from importlib.util import find_spec

collect_ignore_glob = ["with_*.py", "talk.py"]
if find_spec("litellm") is None:
    collect_ignore_glob.append("inside_litellm.py")
