"""Rehearse a training: the user's plans, network, trainer and planner on a tiny dataset, in seconds."""
