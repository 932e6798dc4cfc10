"""The parts of a commit: the thread on which it is made, the work of its callers, and statements that are compiled."""
