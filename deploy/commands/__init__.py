"""The commands of `andamio`, a module for each kind; `add` enters a module's commands, and what is weighty is imported by who needs it."""
