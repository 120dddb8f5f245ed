"""How a run becomes files: running, publishing, the PDF, the numbers in the text.

The lesson is in the modules one level up, none of which knows this one.
"""
