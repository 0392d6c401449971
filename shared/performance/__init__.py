"""Performance as open data: how often a service is used, finished and liked, and what it costs; counts only, never persons.

A service says with one query what it counts (`counting`); an answer to the question after an interaction adds one to a count
and is kept nowhere else (`answers`); what is published is rounded, and withheld where it is small (`figures`).
"""
