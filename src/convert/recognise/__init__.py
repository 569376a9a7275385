"""Recognise the kind of a source; if two readings are possible, refuse it with the choices."""
