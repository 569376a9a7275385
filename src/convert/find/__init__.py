"""Which file belongs to which: by folder, name, pattern or list."""
