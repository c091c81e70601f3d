"""The addresses of the API and of the page, by what they are about."""
