"""What kinds there are, what their objects look like, and whether a given object is one of them."""
