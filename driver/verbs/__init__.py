"""One file per verb: parse, call, return a result."""
