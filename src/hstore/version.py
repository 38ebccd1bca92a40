"""The version of this library, recorded in every file that it makes or migrates."""

VERSION = "0.1.0"
