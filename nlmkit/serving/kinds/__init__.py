"""What models of each kind answer over HTTP; ``nlmkit.core.kinds`` names the module of each kind."""
