"""The part of the Pulumi CLI that the Automation API uses, in process. Imports nothing of the rest of the project."""
