"""The image-classification trainer, which uses the meter as any other training loop would."""
