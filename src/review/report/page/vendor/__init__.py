"""Libraries that a page carries, as published, with their licences: uPlot 1.6.32 and NiiVue 0.69.0."""
