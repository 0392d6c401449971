"""Pure functions of pay, a file a specification: neither Flask nor SQLAlchemy."""
