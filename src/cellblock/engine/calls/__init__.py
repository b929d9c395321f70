"""What the cells of a run may call, by all the names that models know it by."""
