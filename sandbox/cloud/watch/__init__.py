"""CloudWatch: what the balancers and instances report, how it is read, and the alarms on it."""
