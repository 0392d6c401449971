"""Specifications as pure functions, a file each: no framework, no database, no clock."""
