"""A `pulumi` for people where there is no real one: the sandbox's engine behind the commands that they know."""
