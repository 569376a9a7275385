"""Many nnU-Net chores, one tool: see `segconv --help`."""
