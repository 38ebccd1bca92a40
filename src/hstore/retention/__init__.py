"""How long things stay: policies, what they take away and what goes with it, a little at a time beside other work."""
