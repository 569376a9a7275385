"""Compare the headers and values of files before anything is written."""
