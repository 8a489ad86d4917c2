"""Servers of sample applications, each a pure function from a request to an answer behind a port."""
