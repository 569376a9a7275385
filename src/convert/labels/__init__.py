"""Work out what label values mean: declared by the user, named in tables, or found in the files of all cases."""
