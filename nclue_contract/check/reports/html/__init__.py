"""The HTML report of a check, one module per section of the page."""
