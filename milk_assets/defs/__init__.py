"""What the code location holds; each module has one kind of definition, nothing is computed at import."""
