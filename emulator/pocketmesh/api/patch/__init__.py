"""The ways to change an object without sending all of it; pure functions on dicts."""
