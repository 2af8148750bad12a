"""Validate one message: a request, response or set of headers goes in, a `Report` of findings comes out."""
