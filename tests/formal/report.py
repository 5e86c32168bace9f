"""results/formal.md: a row a claim, then every parameter set."""
import blocks

NOT_RUN = "not run"

HEAD = """# Proofs about the RTL

Made by `scripts/formal` ({versions}): {count} proofs in {seconds:.0f} s of processes, {failed} failed{pending}. `proven` counts parameter sets. `control`: beside each proof the same question with something false in it, which must be found out, or the proof says nothing; `found out` counts those. What is proven, what is only bounded and what is only simulated: [docs/verification.md](../docs/verification.md).

"""


def rows(header, lines):
    text = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |\n" for line in text)


def formats(proofs):
    """What formats they are about, in words where it is every one of an ending."""
    left = set(p.format for p in proofs if p.format)
    words = []
    for condition, wanted in (("", lambda f: True), (" with M > 0", lambda f: f.mantissa_bits),
                              (" with M = 0", lambda f: not f.mantissa_bits),
                              (" of 8 bits", lambda f: f.bits == 8)):
        whole = []
        for ending in blocks.ENDINGS:
            every = set(filter(wanted, blocks.formats(ending=ending)))
            if every <= left:
                whole.append(f"`{ending}`" if ending else "no ending")
                left -= every
        if whole:
            size = "" if "bits" in condition else " of 4 to 8 bits"
            words.append(f"every ExMy{size}{condition} ({', '.join(whole)})")
    return ", ".join(words + sorted(f.name for f in left))


def parameters(proofs):
    about = formats(proofs)
    return about or "; ".join(dict.fromkeys(p.name for p in proofs if not p.rounding))


def in_order(modes):
    """Roundings as ROUNDINGS lists them, by random bits."""
    def place(mode):
        name, _, bits = mode.partition(":")
        return blocks.ROUNDINGS.index(name), int(bits or 0)
    return sorted({m for m in modes if m}, key=place)


def roundings(proofs):
    names = in_order(p.rounding for p in proofs)
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
        lines.append([f"`{block}`", claim, parameters(of), roundings(of), method,
                      f"unbounded: {reach}",
                      f"{sum(r[0] for _, r in members)} of {len(members)}", "; ".join(controls),
                      f"{sum(r[1] for _, r in members)} of {len(members)}", f"{sum(r[2] for _, r in members):.0f}"])
    not_run = sum(r[3] == NOT_RUN for r in results)
    pending = f", {not_run} not run yet (`scripts/formal` goes on where it was stopped)" if not_run else ""
    failed = [(p, r) for p, r in zip(proofs, results) if r[3] not in ("", NOT_RUN)]
    body = HEAD.format(versions=", ".join(versions), count=len(proofs), failed=len(failed), pending=pending,
                       seconds=sum(r[2] for r in results))
    body += rows(["block", "claim", "formats or parameters", "roundings", "method", "holds for", "proven",
                  "control", "found out", "seconds"], lines)
    if failed:
        body += "\n## Not proven\n" + "".join(f"- {p.title}: {r[3].splitlines()[0]}\n" for p, r in failed)
    return body + every_cast(proofs, results)


def every_cast(proofs, results):
    """The claim with the most parameter sets, format by rounding."""
    cells, order = {}, {}
    for proof, result in zip(proofs, results):
        if proof.overflow and not result[3]:
            f = proof.format
            order[f.name] = (list(blocks.ENDINGS).index(f.ending), f.bits, f.exponent_bits, f.bias)
            cells.setdefault(proof.format.name, {}).setdefault(proof.rounding, []).append(proof.overflow)
    modes = in_order(p.rounding for p in proofs if p.overflow)
    short = {"standard": "t", "saturate": "s"}
    lines = [[name, *("".join(short[o] for o in cells[name].get(m, [])) for m in modes)]
             for name in sorted(cells, key=order.get)]
    return ("\n## `quantizer_lane` equals the cast\nProven with overflow t: standard, s: saturate.\n\n"
            + rows(["format", *modes], lines))
