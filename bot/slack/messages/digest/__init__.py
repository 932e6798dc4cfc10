"""The words of the weekly digest."""
