"""A field of each quality: models, with what the shipped classifier says of them."""

from matplotlib.figure import Figure

from kinmis import mock
from kinmis.plotting.style import CMAP

FIELDS = (dict(noise=8, bins=300), dict(v_max=60, noise=45, bins=120),
          dict(v_max=0, noise=60, bins=150))

figure = Figure(figsize=(7.2, 2.9), layout="constrained")
for axes, options in zip(figure.subplots(1, 3), FIELDS):
    field = mock.velocity_field(pa=40, component="gas", seed=4, **options)
    result = field.classify()
    # row and column of the map run North and West: East is left as it is drawn
    limit = 2 * field.velocity.value[~field.mask].std()
    axes.imshow(field.velocity.value, cmap=CMAP, vmin=-limit, vmax=limit, origin="lower")
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{result.quality}: {result.label}\nusable {result.usable:.2f}")
