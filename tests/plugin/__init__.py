"""Other people's providers: the example of docs/providers.md, installed and used."""
