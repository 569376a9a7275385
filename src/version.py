"""The version of this package, as its metadata says it."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("segconv")
except PackageNotFoundError:  # a checkout that was never installed
    VERSION = "0+unknown"
