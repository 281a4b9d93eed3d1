"""The meter for any PyTorch training loop."""
