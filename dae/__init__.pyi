from . import baselines
from ._files import (
    written_whole,
)
from .charts import (
    plot_curves,
    plot_fields,
    plot_history,
    plot_ladder,
    plot_matrix,
)
from .checkpoint import (
    Training,
    load_checkpoint,
    save_checkpoint,
)
from .data import (
    load_mnist,
)
from .ideal import (
    local_posterior_mean,
    posterior_mean,
)
from .metrics import (
    Interval,
    mean_interval,
    mse,
    psnr,
    score,
    ssim,
)
from .model import (
    build_autoencoder,
    build_decoder,
    build_encoder,
    denoise,
    join_patches,
    load_denoiser,
    residual_block,
    save_denoiser,
    train_classifier,
)
from .noise import (
    add_gaussian_noise,
    add_poisson_noise,
    add_salt_and_pepper,
    add_speckle_noise,
    mask_pixels,
    rng,
)
from .notebook import (
    LiveProgress,
    exercise,
    quiet_start,
    save_figure,
    show_source,
    show_table,
)
from .optimizer import (
    Muon,
    compile_denoiser,
    orthogonal,
)
from .panel import (
    Panel,
)
from .photographs import (
    build_unet,
    load_photo_denoiser,
    read_picture,
    write_picture,
)
from .plotting import (
    plot_codes,
    plot_image_rows,
)
from .results import (
    Results,
    check_parameters,
    output_folder,
    save_results,
)
from .sampling import (
    generate,
)
from .training import (
    evaluate,
    noisy_batches,
    short_run,
    train,
    training_loop,
)
