"""What is to be trained, what it takes and how far it is; imports no numpy."""
