"""The platforms: one way each to fill a target group with a release."""
