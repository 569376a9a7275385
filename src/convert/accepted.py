"""Words that options of a conversion accept. Help texts show them, so this imports nothing."""

from __future__ import annotations

HEADER = "header"
RESAMPLE = "resample"
ORTHONORMAL = "orthonormal"
CAST = "cast"
ORIENTATION = "orientation"
REPAIRS = (HEADER, RESAMPLE, ORTHONORMAL, CAST, ORIENTATION)
"""The kinds of repair, which `repairs` explains."""

NAME = "name"
INSTANCE = "instance"
POSITION = "position"
REVERSE = "reverse"
ORDERS = (NAME, INSTANCE, POSITION, REVERSE)
"""How the order of mask pictures relates to that of the slices of their volume."""
