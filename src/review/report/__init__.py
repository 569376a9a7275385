"""A report of a dataset: its facts, and the page that shows them."""
