"""Programs of other people that ours is tried against: each installed once into var/, by the test that needs it."""
