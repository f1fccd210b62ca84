"""What a release does next, decided from values alone: nothing in here waits, reads or writes."""
