"""Which files belong together: by folder, name, pattern or list."""
