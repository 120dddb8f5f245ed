"""How a run becomes files.

`run` executes the notebook and publishes, `numbers` ties the text to the results;
`edition` takes the notebook apart for `pdf`, `page` (with `live`, the network in the
browser) and `handout`. The lesson is in the modules one level up, none of which knows
this one.
"""
