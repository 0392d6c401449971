"""The names of the four services, in the order in which they are set up: identity first, the others name its clients."""

SERVICES = ("identity", "notify", "pay", "wallet")

THREADS = {"identity": 8, "notify": 16, "pay": 4, "wallet": 4}
"""Requests that one web process answers at a time.  A service that calls another, which asks back for its keys meanwhile, needs
a second thread to answer; notify has more, for what its threads have to write at the same moment goes into one commit; identity has more
than may hash passwords or wait for it, so that tokens and keys are answered while too many sign in.
"""
