"""What the command, the engine and the sandbox cost, each against the plain way to the same end, in one run."""
