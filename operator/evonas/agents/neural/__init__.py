"""The policy that learns: a recurrent network and the two ways to train it. Imports PyTorch."""
