"""Plans of small items, run in parallel into a staged folder that appears complete or not at all."""
