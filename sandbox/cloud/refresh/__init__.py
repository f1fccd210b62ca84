"""Instance refreshes of scaling groups: moto has none."""
