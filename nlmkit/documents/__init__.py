"""What the models of whole texts share: features, encoders, splits and cross-validation."""
