"""Search of hyper-parameters: spaces, optimisers, live trials, tabulated spaces and their replay. Docs: `hooke search --help`."""
