"""
Speed of the classifier, 16 views a field: many fields, one at a time, and the first of a process.

Many fields are compared, in the same run and by turns, with a plain loop of ``model.predict`` over
the views. All times are of the wall; the CPU time of this process stands beside them, since on
a busy machine it says more.

    python benchmarks/bench_classify_speed.py [galaxies]
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter, process_time

FIELDS_PER_SECOND, FIRST, LATER = 300, 6.0, 0.030
PHASES = """
from time import perf_counter, process_time
times = [("start", perf_counter(), process_time())]
def lap(name):
    times.append((name, perf_counter(), process_time()))
from kinmis import mock
field = mock.velocity_field(40, bins=150, seed=1)
lap("a field to classify (not counted)")
import kinmis.classifier.model
from kinmis.classifier.backend import import_keras
import_keras()
lap("import Keras and JAX")
model = kinmis.classifier.model.load_model()
lap("read and verify the model")
model.ensemble._forward = model.ensemble._compile()
lap("build the networks")
field.classify()
lap("compile and predict")
field.classify()
lap("the second call")
for (_, wall, cpu), (name, later, used) in zip(times, times[1:]):
    print(f"{name};{later - wall};{used - cpu}")
"""


def clock():
    """Return the time of the wall and of the CPU."""
    return perf_counter(), process_time()


def timed(function, *args):
    """Return the seconds of wall and CPU that a call takes."""
    wall, cpu = clock()
    function(*args)
    later, used = clock()
    return later - wall, used - cpu


def plain(model, galaxies):
    """Classify with a loop of ``model.predict`` over the views; return mean logits."""
    import numpy as np
    from kinmis.classifier.backend import import_keras
    from kinmis.classifier.inputs import as_rows, make_inputs
    from kinmis.classifier.network import build_network
    from kinmis.classifier.prepare import prepare
    from kinmis.classifier.views import all_views
    ensemble = model.ensemble
    if not hasattr(plain, "networks"):
        import_keras()
        plain.networks = []
        for weights in ensemble.members:
            network = build_network(ensemble.network, ensemble.inputs.size,
                                    1 + len(ensemble.inputs.scalars), blank=True)
            network.set_weights(weights)
            plain.networks.append(network)
    lattices = [prepare(galaxy).lattice for galaxy in galaxies]
    rows, *_ = as_rows(*make_inputs(lattices, ensemble.inputs))
    views = all_views(rows["images"])
    said = [network.predict({"images": views[:, view], "scalars": rows["scalars"]},
                            verbose=0)["quality"]
            for network in plain.networks for view in range(views.shape[1])]
    return np.mean(said, axis=0)


def throughput(n_galaxies):
    """Print fields per second, for pairs and for single fields; return that for pairs."""
    import numpy as np
    from kinmis import mock
    from kinmis.classifier import load_model
    model = load_model()
    few = [mock.galaxy(30 * k, noise=8., size=size, bins=150, seed=k)
           for k in range(4) for size in (12., 17., 22., 27., 32.)]
    pairs = [few[k % len(few)] for k in range(n_galaxies)]
    singles = [galaxy.stellar._replace(partner=None) for galaxy in pairs]
    print(f"{len(model.ensemble.members)} networks, {n_galaxies} galaxies with "
          f"{2 * n_galaxies} fields, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for warm in (few[:3], [few[0].stellar]):
        model.classify(warm)
    plain(model, few)
    times = {"classify, pairs": [], "plain predict loop": [], "classify, single fields": []}
    for _ in range(3):
        times["classify, pairs"].append(timed(model.classify, pairs))
        times["plain predict loop"].append(timed(plain, model, pairs))
        times["classify, single fields"].append(timed(model.classify, singles))
    best = {}
    for name, taken in times.items():
        fields = n_galaxies * (1 if "single" in name else 2)
        wall, cpu = min(one[0] for one in taken), min(one[1] for one in taken)
        best[name] = fields / wall
        print(f"{name:24} {fields / wall:6.0f} fields/s   {1e3 * cpu / fields:5.2f} ms CPU a field")
    # both must be of one answer
    said = plain(model, few[:2])
    logits = model.predict([_lattice(galaxy) for galaxy in few[:2]])["logits"].reshape(-1, 2)
    print(f"largest difference of the logits: {np.abs(said - logits).max():.1e}")
    print(f"times the plain loop: {best['classify, pairs'] / best['plain predict loop']:.1f}")
    return best["classify, pairs"]


def _lattice(galaxy):
    from kinmis.classifier.prepare import prepare
    return prepare(galaxy).lattice


def first_call(repeats=3):
    """Print what the first call of a process takes, part by part; return the sum in seconds."""
    runs = []
    for _ in range(repeats):
        text = subprocess.run([sys.executable, "-c", PHASES], check=True, capture_output=True,
                              text=True).stdout
        runs.append([(name, float(wall), float(cpu)) for name, wall, cpu in
                     (line.split(";") for line in text.splitlines())])
    best = min(runs, key=lambda run: sum(wall for _, wall, _ in run[1:-1]))
    for name, wall, cpu in best:
        print(f"{name:36} {wall:6.2f} s   CPU {cpu:6.2f} s")
    total = sum(wall for _, wall, _ in best[1:-1])
    print(f"{'first classify() of a process':36} {total:6.2f} s   "
          f"CPU {sum(cpu for *_, cpu in best[1:-1]):6.2f} s")
    return total


def later_calls(n=100):
    """Print and return the median seconds of calls up to the hundredth."""
    from kinmis import mock
    field = mock.velocity_field(40, bins=150, seed=1)
    galaxy = mock.galaxy(40, bins=150, seed=1)
    results = {}
    for name, item in (("one field", field), ("one galaxy", galaxy)):
        taken = [timed(item.classify) for _ in range(n)]
        results[name] = median(wall for wall, _ in taken)
        print(f"{name}: median of {n} calls {1e3 * results[name]:.1f} ms, the last "
              f"{1e3 * taken[-1][0]:.1f} ms, CPU {1e3 * median(cpu for _, cpu in taken):.1f} ms")
    return results["one field"]


def main(n_galaxies=400):
    """Print the figures; return whether the targets are met."""
    rate, first, later = throughput(n_galaxies), first_call(), later_calls()
    met = [rate >= FIELDS_PER_SECOND, first <= FIRST, later <= LATER]
    for text, good in zip((f"{FIELDS_PER_SECOND} fields/s", f"first call {FIRST:g} s",
                           f"later call {1e3 * LATER:g} ms"), met):
        print(f"target {text}: {'met' if good else 'missed'}")
    return all(met)


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
