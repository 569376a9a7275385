"""What a person or a script wants to know about data: scores and pictures."""
