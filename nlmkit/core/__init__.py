"""Parameters, components, the registry and storage: what every kind of component rests on."""
