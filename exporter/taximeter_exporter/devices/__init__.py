"""What hardware is there and what it does now."""
