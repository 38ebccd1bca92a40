"""Secrets that are made at run time, the texts they stand in, and texts that only look like secrets."""
