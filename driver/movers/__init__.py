"""What changes the weights: chosen once, by what the stack is. For now a stack update."""
