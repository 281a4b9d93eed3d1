"""How weights are changed: optimisers, what of them decays, the learning rate's way, and the weights' average."""
