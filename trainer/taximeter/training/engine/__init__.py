"""One step, the loop over all of them, and what both need of the device and of other processes."""
