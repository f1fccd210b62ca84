"""Resources of pulumi-aws and awsx, made by real AWS API calls against the sandbox."""
