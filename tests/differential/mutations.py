"""Damage to tar archives that a checksum does not show: the same seed gives the same archives."""

import gzip
import random

BLOCK = 512
# name, mode, uid, gid, size, mtime, type, linkname, magic, version, uname, devmajor, prefix, star's times, tail
FIELDS = [(0, 100), (100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (156, 157), (157, 257), (257, 263),
          (263, 265), (265, 297), (329, 337), (345, 500), (475, 500), (500, 512)]
VALUES = [0, 0, 1, 0x20, 0x2d, 0x2e, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x35, 0x37, 0x38, 0x41, 0x4c, 0x53, 0x5c, 0x67, 0x78,
          0x7f, 0x80, 0xc3, 0xff]


def header_offsets(tar):
    offsets, at = [], 0
    while at + BLOCK <= len(tar) and any(tar[at:at + BLOCK]):
        offsets.append(at)
        try:
            size = int(tar[at + 124:at + 136].strip(b" \0") or b"0", 8)
        except ValueError:  # damaged before
            break
        at += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
    return offsets


def fix_checksum(tar, at):
    tar[at + 148:at + 156] = b" " * 8
    tar[at + 148:at + 156] = b"%06o\0 " % sum(tar[at:at + BLOCK])


def mutate(tar, choice):
    tar = bytearray(tar)
    for _ in range(choice.choice([1, 1, 1, 2, 3])):
        offsets = header_offsets(tar) or [0]
        kind = choice.random()
        at = choice.choice(offsets)
        if kind < 0.7 and at + BLOCK <= len(tar):
            begin, end = choice.choice(FIELDS)
            for _ in range(choice.choice([1, 1, 2, 4])):
                tar[at + choice.randrange(begin, end)] = choice.choice(VALUES)
            if choice.random() < 0.9:
                fix_checksum(tar, at)
        elif kind < 0.8:
            block = choice.randrange(len(tar) // BLOCK) * BLOCK
            tar[block:block] = tar[at:at + BLOCK] if choice.random() < 0.5 else bytes(BLOCK)
        elif kind < 0.87:
            block = choice.randrange(len(tar) // BLOCK) * BLOCK
            del tar[block:block + BLOCK]
        elif kind < 0.95:
            tar[choice.randrange(len(tar))] = choice.choice(VALUES)
        else:
            del tar[choice.randrange(len(tar) // 2, len(tar)):]
        if len(tar) < 2 * BLOCK:
            break
    return bytes(tar)


def mutants(archives, count, seed):
    """`count` damaged copies, gzipped, of the gzipped `archives`."""
    choice = random.Random(seed)
    tars = [tar for tar in map(gzip.decompress, archives) if len(tar) < 64 << 10]
    for _ in range(count):
        yield gzip.compress(mutate(choice.choice(tars), choice), compresslevel=1, mtime=0)
