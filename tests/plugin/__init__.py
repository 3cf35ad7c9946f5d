"""Other people's providers: the example of docs/write-a-provider.md, installed and used."""
