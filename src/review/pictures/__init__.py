"""Pictures of cases and of scores; the only package that imports matplotlib."""
