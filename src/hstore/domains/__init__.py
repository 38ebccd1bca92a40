"""The domains: one module per noun, its SQL beside the verbs that use it. They do not import one another's tables."""
