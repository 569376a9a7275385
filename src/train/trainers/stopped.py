"""The record of a training that the watchdog stopped; read without PyTorch."""

STOPPED = "segconv_stopped.json"
"""Name of the record in the fold's folder, with ``kind``, ``what``, ``epoch`` and ``checkpoint``."""

LOSS, COLLAPSE = "loss", "collapse"
"""Kinds."""
