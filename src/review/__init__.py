"""Review of data: checks, scores and pictures."""
