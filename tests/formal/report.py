"""results/formal.md: a row a claim, then every parameter set."""
import blocks

HEAD = """# Proofs about the RTL

Made by `scripts/formal` ({versions}): {count} proofs in {seconds:.0f} s of processes, {failed} failed. `proven` counts parameter sets. `control`: beside each proof the same question with something false in it, which must be found out, or the proof says nothing; `found out` counts those. What is proven, what is only bounded and what is only simulated: [docs/verification.md](../docs/verification.md).

"""


def rows(header, lines):
    text = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(str(c) for c in line) + " |\n" for line in text)


def formats(proofs):
    """What formats they are about, in words where it is every one of an ending."""
    found = list(dict.fromkeys(p.format for p in proofs if p.format))
    words, left = [], set(found)
    for ending in blocks.ENDINGS:
        every = set(blocks.formats(ending=ending))
        if every <= left:
            words.append(f"`{ending}`" if ending else "no ending")
            left -= every
    more = [f.name for f in found if f in left]
    text = "every ExMy of 4 to 8 bits: " + ", ".join(words) if words else ""
    return text + (" and " if words and more else "") + ", ".join(more)


def parameters(proofs):
    about = formats(proofs)
    return about or "; ".join(dict.fromkeys(p.name for p in proofs if not p.rounding))


def roundings(proofs):
    names = dict.fromkeys(p.rounding for p in proofs if p.rounding)
    overflows = dict.fromkeys(p.overflow for p in proofs if p.overflow)
    return ", ".join(names) + (f" ({', '.join(overflows)})" if overflows else "")


def text(proofs, results, versions):
    groups = {}
    for proof, result in zip(proofs, results):
        groups.setdefault((proof.block, proof.claim, proof.method, proof.reach), []).append((proof, result))
    lines = []
    for (block, claim, method, reach), members in groups.items():
        of = [p for p, _ in members]
        controls = list(dict.fromkeys(p.control for p in of))
        lines.append([f"`{block}`", claim, parameters(of), roundings(of), method, f"{'bounded' if of[0].bounded else 'unbounded'}: {reach}",
                      f"{sum(r[0] for _, r in members)} of {len(members)}", "; ".join(controls),
                      f"{sum(r[1] for _, r in members)} of {len(members)}", f"{sum(r[2] for _, r in members):.0f}"])
    failed = [(p, r) for p, r in zip(proofs, results) if r[3]]
    body = HEAD.format(versions=", ".join(versions), count=len(proofs), failed=len(failed),
                       seconds=sum(r[2] for r in results))
    body += rows(["block", "claim", "formats or parameters", "roundings", "method", "holds for", "proven",
                  "control", "found out", "seconds"], lines)
    if failed:
        body += "\n## Not proven\n" + "".join(f"- {p.title}: {r[3].splitlines()[0]}\n" for p, r in failed)
    return body + every_cast(proofs, results)


def every_cast(proofs, results):
    """The claim with the most parameter sets, format by rounding."""
    cells = {}
    for proof, result in zip(proofs, results):
        if proof.overflow and not result[3]:
            cells.setdefault(proof.format.name, {}).setdefault(proof.rounding, []).append(proof.overflow)
    modes = list(dict.fromkeys(p.rounding for p in proofs if p.overflow))
    short = {"standard": "t", "saturate": "s"}
    return ("\n## `quantizer_lane` equals the cast\nProven with overflow t: standard, s: saturate.\n\n" + rows(
        ["format", *modes],
        [[name, *("".join(short[o] for o in cell.get(m, [])) for m in modes)] for name, cell in cells.items()]))
