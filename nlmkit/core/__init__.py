"""Parameters, components, the registry and storage, which every kind of component is built on."""
