"""The version, also the source of the package's metadata, which would take longer to query than a help text."""

VERSION = "0.1.0"
