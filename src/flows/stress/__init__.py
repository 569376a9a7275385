"""The stress test of trained models: how much they depend on pose and grey values."""
