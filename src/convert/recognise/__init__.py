"""What kind a source is; what can be read in two ways is refused with the choices."""
