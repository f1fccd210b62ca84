"""What instances are booted with, as Jinja templates."""
