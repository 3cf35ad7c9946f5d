"""The scripts are for other environments: there is nothing to collect in them here."""

collect_ignore_glob = ["with_*.py", "talk.py"]
