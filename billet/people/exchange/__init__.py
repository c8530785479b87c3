"""`billet task import` and `billet task export`: tasks from files of other programs, and back."""
