"""A mutant beside its block: proven equal, or a difference found."""
import re
import subprocess

from tools import yosys

# Outputs that count in every cycle, with or without a valid beat.
UNGATED = ("ready_o", "accepts_o", "operand_o")


def gate(name, outputs):
    """The valid flag that says when an output counts: that with the longest prefix; None: always."""
    if name.endswith("valid_o") or name.endswith(UNGATED):
        return None
    flags = [o for o, _ in outputs if o.endswith("valid_o") and name.startswith(o[:-7])]
    return max(flags, key=len, default=None)


def miter(inputs, outputs, has_clock):
    """The block beside its mutant K; `bad` if an output that counts ever differs. Clocked: after the
    first reset, for senders that hold a beat until it is taken and send what the ports' comments
    allow; registers begin at 0 in both."""
    has_reset = any(n == "rst_ni" for n, _ in inputs)
    lines = [f"  input [{w - 1}:0] {n}," for n, w in inputs]
    if has_clock:
        lines.append("  input clk_i,")
    body = []
    for side, select in (("a", "8'd0"), ("b", "K")):
        connections = [f".{n}({n})" for n, _ in inputs] + ([".clk_i(clk_i)"] if has_clock else [])
        for name, width in outputs:
            body.append(f"  wire [{width - 1}:0] {side}_{name};")
            connections.append(f".{name}({side}_{name})")
        body.append(f"  mutated {side} ({', '.join(connections)}, .mutsel({select}));")
    differs = []
    for name, _ in outputs:
        flag = gate(name, outputs)
        differs.append(f"(a_{name} != b_{name})" + (f" & a_{flag}" if flag else ""))
    bad = " | ".join(f"({d})" for d in differs)
    if has_clock and has_reset:
        keeps = ["1'b1"]
        for name, _ in inputs:
            if not name.endswith("valid_i"):
                continue
            prefix = name[:-7]
            others = [n[:-7] for n, _ in inputs if n.endswith("valid_i") and n != name and len(n) > len(name)]
            held = [(n, w) for n, w in inputs if n.startswith(prefix) and n != "rst_ni"
                    and not n.endswith(("ready_i", "seed_i")) and n not in ("load_i", "adapt_i", "result_i", "step_i")
                    and not any(n.startswith(o) for o in others)]
            if name == "valid_i" and any(n == "load_i" for n, _ in inputs):
                held = [(n, w) for n, w in held if n not in ("alpha_i", "scale_exponent_i", "target_i")]
            total = sum(w for _, w in held)
            now = "{" + ", ".join(n for n, _ in held) + "}"
            body += [f"  reg [{total - 1}:0] held_{prefix}q; reg stalls_{prefix}q;",
                     f"  always @(posedge clk_i) held_{prefix}q <= {now};",
                     f"  always @(posedge clk_i) stalls_{prefix}q <= rst_ni & {name} & ~a_{prefix}ready_o;"]
            keeps.append(f"(~stalls_{prefix}q | held_{prefix}q == {now})")
        widths = dict(inputs)
        if "codes_mask_i" in widths:  # what the ports' comments ask of packed codes
            lanes = widths["codes_mask_i"]
            bits = widths["codes_i"] // lanes
            packed = [f"(codes_mask_i[{i}] | codes_i[{i * bits}+:{bits}] == 0)" for i in range(lanes)]
            packed += [f"(codes_mask_i[{i}] | ~codes_mask_i[{i + 1}])" for i in range(lanes - 1)]
            keeps.append(f"(~codes_valid_i | ({' & '.join(packed)}))")
        body += ["  reg started_q; reg broken_q;", f"  wire keeps = {' & '.join(keeps)};",
                 "  always @(posedge clk_i) started_q <= started_q | ~rst_ni;",
                 "  always @(posedge clk_i) broken_q <= broken_q | ~keeps;"]
        bad = f"started_q & ~broken_q & keeps & ({bad})"
    return ("module miter #(parameter [7:0] K = 0) (\n" + "\n".join(lines) + "\n  output bad);\n" +
            "\n".join(body) + f"\n  assign bad = {bad};\nendmodule\n")


def explain(k, folder, has_clock, seconds):
    """A survivor: ("equivalent" | "bounded" | "survived" | "undecided", how)."""
    yosys(f"read_rtlil mutated.il; read_verilog miter.v; hierarchy -top miter -chparam K {k}; proc; "
          "flatten; setundef -init -zero; opt -full -nosdff -nodffe; memory_map; techmap; dffunmap; "
          f"simplemap; setundef -undriven -zero; setundef -zero; aigmap; opt_clean; write_aiger -zinit miter{k}.aig",
          folder)
    if not has_clock:
        proof = f"read miter{k}.aig; strash; fraig; iprove"
        log = subprocess.run(["yosys-abc", "-c", proof], cwd=folder, text=True, timeout=600,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        if "UNSATISFIABLE" in log:
            return "equivalent", "SAT"
        return ("survived", "counterexample by SAT") if "SATISFIABLE" in log else ("undecided", log[-200:])
    proof = f"read miter{k}.aig; strash; scorr; pdr -T {seconds}; bmc3 -T {seconds} -F 1000"
    log = subprocess.run(["yosys-abc", "-c", proof], cwd=folder, text=True, timeout=600,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    if "Property proved" in log or "Networks are equivalent" in log:
        return "equivalent", "property-directed reachability"
    failed = re.search(r"was asserted in frame (\d+)", log)
    if failed:
        return "survived", f"counterexample of {int(failed[1]) + 1} cycles"
    frames = re.findall(r"No output (?:was )?asserted in (\d+) frames", log)
    if frames:
        return "bounded", f"no difference within {max(map(int, frames))} cycles"
    return "undecided", log.strip().splitlines()[-1] if log.strip() else "no answer"
