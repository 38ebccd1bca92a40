"""The command line: words become frozen options, options become calls of the library, results become text.

Nothing outside of this package prints or exits, and no module in it is imported by the library.
"""
