"""Checkpoints: what they hold, how they reach the disk whole or not at all, and how a run goes on from one."""
