"""Results and failures made readable: for people, and as documents. Nothing outside prints a result."""
