"""Small components, plugins and data that many tests use."""
