"""AWS on one machine, for demos, tests and rehearsals."""
