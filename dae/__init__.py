"""A denoising autoencoder for MNIST, small enough to read over a coffee.

The notebook ``denoising-autoencoder-tutorial.ipynb`` teaches it. What is where:

==============  ====================================================================
the tutorial    `data` MNIST, `noise` what spoils it, `model` encoder and decoder,
                `training` the loop, `checkpoint` its state, `metrics` how good it is
parts II, III   `baselines` filters and the affine denoiser, `variants` other networks,
                `ideal` the posterior mean, `sampling` new digits
what is seen    `plotting` images and codes, `charts` measurements, `panel` controls,
                `notebook` source code, tables, progress, exercises
behind it       ``_checks`` arguments, ``_files`` whole or not there, ``_parameters``
                of the notebook, ``_replicas`` several devices
a whole run     ``press`` executes the notebook and makes all files of it; it is what
                ``python -m dae`` runs, and no other module knows it
==============  ====================================================================

Names are loaded when first used: importing ``dae`` does not start TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["baselines"],
    submod_attrs={
        "charts": [
            "on_frontier",
            "plot_curves",
            "plot_fields",
            "plot_frontier",
            "plot_growth",
            "plot_history",
            "plot_ladder",
            "plot_matrix",
        ],
        "checkpoint": ["load_checkpoint", "save_checkpoint"],
        "data": ["load_mnist"],
        "_files": ["written_whole"],
        "_parameters": ["begin", "output_path"],
        "ideal": ["posterior_mean", "score"],
        "metrics": [
            "Interval",
            "mean_interval",
            "mse",
            "psnr",
            "ssim",
            "stride_energy",
        ],
        "model": [
            "build_autoencoder",
            "build_decoder",
            "build_encoder",
            "denoise",
            "join_patches",
            "load_denoiser",
            "load_history",
            "residual_block",
            "save_denoiser",
        ],
        "noise": [
            "add_gaussian_noise",
            "add_poisson_noise",
            "add_salt_and_pepper",
            "add_speckle_noise",
            "mask_pixels",
        ],
        "notebook": [
            "LiveProgress",
            "exercise",
            "load_benchmark",
            "quiet_start",
            "save_figure",
            "save_results",
            "show_source",
            "show_table",
            "show_versions",
        ],
        "panel": ["Panel"],
        "plotting": ["plot_codes", "plot_image_rows", "plot_schematic"],
        "sampling": ["generate"],
        "training": [
            "compile_denoiser",
            "evaluate",
            "noisy_batches",
            "train",
            "train_epoch",
        ],
        "variants": [
            "build_linear_output",
            "build_stride_2_decoder",
            "build_with_skips",
        ],
    },
)
