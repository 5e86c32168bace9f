"""The random words of docs/numerics.md, written from that page: SplitMix64, tensor seeds, counters."""
M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def splitmix64(z):
    z = (z + 0x9E3779B97F4A7C15) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def derive(seed, purpose):
    return splitmix64(splitmix64(seed) ^ purpose)


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & M64
    return h


PRUNER, QUANTIZER = 0, 1


def tensor_seed(seed, unit, name):
    return derive(derive(seed, unit), fnv1a64(name))


def counter_word(seed, index):
    key = splitmix64(seed ^ splitmix64(index // 64))
    h = ((index % 64 * 0x9E3779B9) & M32) ^ (key & M32)
    h = (h * ((key >> 32) | 1)) & M32
    h ^= h >> 16
    return (h * 0x846CA68B) & M32
