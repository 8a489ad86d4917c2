"""A lab's folder: what it may hold, how it is found, and what a seed makes of it."""
