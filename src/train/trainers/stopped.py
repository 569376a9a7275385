"""What the watchdog leaves of a training that it stopped; read without PyTorch."""

STOPPED = "segconv_stopped.json"
"""Name of the record in the fold's folder, with ``kind``, ``what``, ``epoch`` and ``checkpoint``."""

LOSS, COLLAPSE = "loss", "collapse"
"""Kinds."""

COLLAPSED = ".collapsed"
"""Added to the name of a checkpoint from inside a collapse, so that nnU-Net resumes from another one."""
