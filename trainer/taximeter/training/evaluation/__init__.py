"""How good a model is: counted while it is judged, reckoned by torchmetrics, shown as table, JSON and plot."""
