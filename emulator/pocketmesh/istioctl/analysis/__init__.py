"""`analyze`: mistakes that can be seen in the objects alone. Each analyzer is a pure function of a World."""
