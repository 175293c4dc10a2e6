"""Lazuli in a notebook with Python cells: its magics, and runs that are shown while they go on.

``%load_ext lazuli`` brings it to any IPython; the kernel "Lazuli (Python)" begins with it. What a magic
may say and what it does is known to the program ``lazuli``, which ``helper`` starts and asks.
"""
