"""Linear-chain conditional random field on hand-made features."""
