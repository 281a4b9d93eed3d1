"""Searches for better settings, by accuracy or by what it costs to reach one."""
