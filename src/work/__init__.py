"""Plans of small items, run in parallel into a staged folder that appears whole or not at all."""
