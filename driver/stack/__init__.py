"""The Pulumi stack, and what runs its updates: the only room that speaks to the Automation API."""
