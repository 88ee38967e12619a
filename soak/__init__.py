"""Faults and endurance: a real server is driven over HTTP while things break, in a short form and in a long one.

``python -m soak`` runs the long form of every case and prints a table; tests/faults runs the short form of the same
code. Nothing here looks inside the server: what is checked is what a client, the file system and the kernel's list of
processes can see.
"""
