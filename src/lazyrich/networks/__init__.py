"""What is trained: everything that a sweep may choose about a problem and its networks, one file each."""
