"""One file per part of AWS: the resources and lookups that the sandbox has of it."""
