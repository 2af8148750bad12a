"""Servers that keep the contract, each written from the documentation pages alone and in the style of its framework.

They share no code with the package, nor with each other.
"""
