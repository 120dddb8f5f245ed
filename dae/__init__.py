"""A denoising autoencoder for MNIST, small enough to read over a coffee.

The notebook ``denoising-autoencoder-tutorial.ipynb`` teaches it. What is where:

==============  ====================================================================
the tutorial    `data` MNIST, `noise` what spoils it, `model` encoder and decoder,
                `training` the loop, `optimizer` its steps, `checkpoint` where it
                stands, `metrics` how good it is
parts II, III   `baselines` filters and the affine denoiser, `ideal` the posterior mean,
                `sampling` new digits
your turn       `photographs` a network for pictures of any size, and files
what is seen    `plotting` images and codes, `charts` measurements, `panel` controls,
                `notebook` source code, tables, progress, exercises
what is kept    `results` the notebook's parameters and results, and where files go;
                `start` what lets a part of the lesson start alone
behind it       ``_checks`` arguments, ``_files`` whole or not there, ``_replicas``
                several devices
a whole run     ``publish`` executes the notebook and makes all files of it; it is what
                ``python -m dae`` runs, and no other module knows it
==============  ====================================================================

Names are loaded when first used: importing ``dae`` does not start TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

# the names are in __init__.pyi, where editors look for them too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
