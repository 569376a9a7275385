"""How well predictions match references: which label belongs to which, what their values mean, and the scores."""
