"""The command `nclue-contract`: parse the options, call the layers below, print the result."""
