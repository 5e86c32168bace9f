// A self-checking bench for any module of rtl/ on vectors of `gradpath verify --vectors DIR`: a folder of
// DIR holds the module, its parameters and connections (dut.svh), what enters (in0.hex, in1.hex) and
// what the golden model says must leave (out0.hex, out1.hex). Streams stall at random on every side.
//
//   cd DIR/quantizer-...; verilator --binary --timing -I. -F ROOT/rtl/gradpath.f ROOT/rtl/bench/bench.sv
//   obj_dir/Vbench
//
// Ends with one line that begins with PASS, or at the first difference by $fatal.
`include "dut.svh"
module bench;
  logic clk = 1'b0;
  logic rst_n = 1'b0;
  int cycle = 0;
  int quiet = 0;
  int in_next[2] = '{0, 0};
  int out_next[2] = '{0, 0};
  int in_count[2] = '{`IN0_COUNT, `IN1_COUNT};
  int out_count[2] = '{`OUT0_COUNT, `OUT1_COUNT};
  logic [1:0] in_valid = 2'b00, out_ready = 2'b00, in_moves = 2'b00, out_moves = 2'b00;
  logic [1:0] in_ready, out_valid;

  // One word more, so that there is one where there is no beat.
  logic [`IN0_BITS-1:0] in0_words[`IN0_COUNT+1];
  logic [`IN1_BITS-1:0] in1_words[`IN1_COUNT+1];
  logic [`OUT0_BITS-1:0] out0_words[`OUT0_COUNT+1];
  logic [`OUT1_BITS-1:0] out1_words[`OUT1_COUNT+1];
  logic [`IN0_BITS-1:0] in0;
  logic [`IN1_BITS-1:0] in1;
  logic [`OUT0_BITS-1:0] out0;
  logic [`OUT1_BITS-1:0] out1;
  assign in0 = in0_words[in_next[0]];
  assign in1 = in1_words[in_next[1]];

  `DUT #(`DUT_PARAMETERS) u_dut (`DUT_PORTS);

  initial begin
    $readmemh("in0.hex", in0_words, 0, `IN0_COUNT > 0 ? `IN0_COUNT - 1 : 0);
    $readmemh("in1.hex", in1_words, 0, `IN1_COUNT > 0 ? `IN1_COUNT - 1 : 0);
    $readmemh("out0.hex", out0_words, 0, `OUT0_COUNT > 0 ? `OUT0_COUNT - 1 : 0);
    $readmemh("out1.hex", out1_words, 0, `OUT1_COUNT > 0 ? `OUT1_COUNT - 1 : 0);
  end
  always #5 clk = !clk;

  // All between two edges: what a module shows depends on its registers alone, so that whether a beat
  // moves at the next edge is known as soon as valid and ready are chosen.
  always @(negedge clk) begin
    cycle = cycle + 1;
    for (int i = 0; i < 2; i++) begin
      if (in_moves[i]) begin
        in_next[i]  = in_next[i] + 1;
        in_valid[i] = 1'b0;
      end
      if (out_moves[i]) out_next[i] = out_next[i] + 1;
    end
`ifdef DUT_IS_COMBINATIONAL
    if (cycle > 4 && in_next[0] < in_count[0]) begin
      if (out0 !== out0_words[in_next[0]]) begin
        $fatal(1, "vector %0d: in 0x%h: expected 0x%h, got 0x%h", in_next[0], in0, out0_words[in_next[0]], out0);
      end
      in_next[0] = in_next[0] + 1;
      out_next   = in_next;
    end
`else
    rst_n = cycle > 2;
    for (int i = 0; i < 2; i++) begin
      // A beat that was not taken stays.
      in_valid[i]  = rst_n && in_next[i] < in_count[i] && (in_valid[i] || $urandom_range(3) != 0);
      out_ready[i] = rst_n && $urandom_range(3) != 0;
      in_moves[i]  = in_valid[i] && in_ready[i];
      out_moves[i] = rst_n && out_valid[i] && out_ready[i] && (i == 0 ? `OUT0_COUNT : `OUT1_COUNT) > 0;
      if (out_moves[i] && out_next[i] >= out_count[i]) $fatal(1, "output %0d: a beat after the last", i);
    end
    if (out_moves[0] && out0 !== out0_words[out_next[0]]) begin
      $fatal(1, "output 0, beat %0d: expected 0x%h, got 0x%h", out_next[0], out0_words[out_next[0]], out0);
    end
    if (out_moves[1] && out1 !== out1_words[out_next[1]]) begin
      $fatal(1, "output 1, beat %0d: expected 0x%h, got 0x%h", out_next[1], out1_words[out_next[1]], out1);
    end
`endif
    if (out_next[0] == out_count[0] && out_next[1] == out_count[1]) quiet = quiet + 1;
    if (quiet == 64) begin
      $display("PASS %0d and %0d beats in %0d cycles", out_next[0], out_next[1], cycle);
      $finish;
    end
    if (cycle > 1000 + 10000 * (in_count[0] + in_count[1])) $fatal(1, "stuck after %0d cycles", cycle);
  end
endmodule
