"""The verbs of ``%llm`` that teach, a module for each family."""
