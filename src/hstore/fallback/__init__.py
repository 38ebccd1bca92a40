"""Output that could not be recorded: kept masked in a private file until a database takes it (docs/command-line.md)."""
