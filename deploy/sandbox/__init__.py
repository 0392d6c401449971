"""The sandbox: the whole suite on one machine, with people, keys and an inbox, in one folder."""
