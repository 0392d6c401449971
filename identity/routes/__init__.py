"""Blueprints, a file a resource: HTTP in, one operation, HTTP out."""
