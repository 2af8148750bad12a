"""Does a saved page of the documentation still state what the contract says? Read the page, compare, and report what differs."""
