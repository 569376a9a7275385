"""The version, from which the package's metadata has it: asking the metadata would take longer than a help text."""

VERSION = "0.1.0"
