"""What finds the cases of a source, and recognises those that a first look does not rule out."""
