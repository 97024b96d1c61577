"""Problems and networks: everything that a sweep may choose about them, one file each."""
