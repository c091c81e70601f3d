"""One candidate trained by several processes, each in a pod of its own: a network of one hidden layer, over gloo."""
