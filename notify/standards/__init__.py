"""Pure functions, one file a part of the wire contract; nothing here knows of HTTP or of a database."""
