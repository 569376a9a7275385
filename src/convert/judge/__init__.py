"""What the headers and values of files say about one another before anything is written."""
