"""What all four services need and no noun of theirs.

A thing enters once two services have it and the copies agree; nothing here imports a service.
"""
