"""The work on one case, in a worker: read, judged, changed where asked, written."""
