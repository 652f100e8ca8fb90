"""Running chunks of galaxies, in this process or in others."""

from kinmis.catalogue.running.chunk import Chunk, measure_chunk, run_chunk
from kinmis.catalogue.running.schedule import run_chunks

__all__ = ["Chunk", "measure_chunk", "run_chunk", "run_chunks"]
