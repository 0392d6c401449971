"""Pure functions, a file a specification; imports neither flask nor sqlalchemy."""
