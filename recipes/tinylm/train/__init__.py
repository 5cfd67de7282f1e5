"""How the model came to be: corpus, tokenizer, training, evaluation, origin.

Run in this order, each as ``python -m tinylm.train.<name>`` with ``recipes`` on ``PYTHONPATH``:
corpus, tokens, fit, export, measure. Nothing here is needed to build the package.
"""
