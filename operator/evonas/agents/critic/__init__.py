"""The critic: a Gaussian process over candidates, and evolution in imagination under its eye. Imports PyTorch."""
