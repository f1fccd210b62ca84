"""What exists in AWS: the Pulumi program. Knows nothing of the driver or the sandbox."""
