"""Predictions over HTTP by a model that was trained here, metered as the training was."""
