"""What happens beside the training: one callback a file."""
