"""Data sets, and how their images come to the model: `load` is the way in."""
