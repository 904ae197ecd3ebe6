"""What a Python program with webdataset does with shards, without the library: tarfile, its rule of grouping, and Pillow.

Prints the samples a second; starting Python and importing modules are not in it.
"""

import io
import re
import sys
import tarfile
import time

from PIL import Image

# webdataset's base_plus_ext: the key is what stands before the first dot of the base name.
NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")


def samples(shards):
    """Adjacent members with one key are a sample (webdataset's group_by_keys)."""
    for shard in shards:
        sample = None
        with tarfile.open(shard, mode="r|*") as tar:
            for member in tar:
                match = NAME.match(member.name) if member.isreg() else None
                if match is None:
                    continue
                key, extension = match.groups()
                if sample is None or sample["__key__"] != key:
                    if sample is not None:
                        yield sample
                    sample = {"__key__": key, "__url__": shard}
                sample[extension.lower()] = tar.extractfile(member).read()
        if sample is not None:
            yield sample


def main(shards):
    started = time.perf_counter()
    count = 0
    for sample in samples(shards):
        pixels = Image.open(io.BytesIO(sample["jpg"])).convert("RGB").tobytes()
        label = int(sample["cls"])
        assert len(pixels) > 0 and label >= 0
        count += 1
    print(count / (time.perf_counter() - started))


main(sys.argv[1:])
