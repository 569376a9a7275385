"""Python 3.10 looks for modules in the current folder first; a process that starts with this has another one.

See `segconv.work.search_path`. loky gives its workers the folder back that their run is in.
"""

import os

os.chdir("/")
