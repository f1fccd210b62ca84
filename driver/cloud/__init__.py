"""AWS as a release needs it: the only room that speaks to it."""
