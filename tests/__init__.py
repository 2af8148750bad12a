"""The test suite; its folders are those of the package."""
