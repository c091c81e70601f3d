"""A spiking network with temporal coding and alpha synapses: ``python -m evonas_trial.spiking``.

After Comsa et al., "Temporal coding in spiking neural networks with alpha synaptic function" (arXiv 1907.13223), whose
hyperparameters an Evo-NAS agent chose. Every neuron spikes at most once; the class whose output spikes first wins.

``settings`` reads a candidate and ``feasibility`` refuses what cannot be built, both without torch. ``problems`` turns
data into spikes. ``lambert``, ``neuron`` and ``network`` are the model from the inside out, ``scoring`` says
what its outputs are worth, ``optimizer``, ``step`` and ``training`` fit it, ``__main__`` joins them to the trial
contract. docs/spiking.md has the figures.
"""
