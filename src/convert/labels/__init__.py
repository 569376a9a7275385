"""What the values of labels mean: declared, in tables, or found in the files of all cases."""
