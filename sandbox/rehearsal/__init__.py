"""A stack's next transition, played in a throw-away sandbox under load."""
