"""The page of a report: one HTML file that opens from disk and loads nothing."""

from .page import page_of

__all__ = ["page_of"]
