"""Rigs: a running suite under a day's load, and the books afterwards; with a fault in between where one is asked for."""
