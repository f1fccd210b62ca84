"""What moves a stack from one record to the next: the `bluegreen` command."""
