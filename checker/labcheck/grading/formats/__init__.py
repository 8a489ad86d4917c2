"""A report for programs that are not ours: one module for each format, each a pure function."""
