"""Convert one case in a worker: read, check, change where asked, write."""
