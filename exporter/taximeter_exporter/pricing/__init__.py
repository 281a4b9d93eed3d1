"""What an hour of a device costs."""
