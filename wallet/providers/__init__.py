"""The outside: registers that hold data, behind one Protocol."""
