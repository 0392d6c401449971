"""The names of the four services, in the order in which they are set up: identity first, the others name its clients."""

SERVICES = ("identity", "notify", "pay", "wallet")
