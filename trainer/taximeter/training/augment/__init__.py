"""How training images are varied: batch by batch on the device, or one by one while they are read."""
