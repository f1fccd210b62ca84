"""`python -m driver`: the command `bluegreen`, also where its script is not on PATH."""

from driver.cli import main

main()
