"""The outside: payment service providers behind one Protocol."""
