// The front end of a gradient's datapath: prunes, scales, casts and compacts a stream of fp32 beats,
// and sets threshold and scale for the next stream from this one.
//
//   beats -> pruner -> quantizer -> compactor -> bitmap and packed codes
//        \-> amax_unit, threshold unit -> alpha and scale exponent of the next stream
//
// alpha_o and scale_exponent_o are the registers in use. They change at load_i, and where adapt_i was
// high with a stream's last beat: to what its statistics (of the values before pruning) say; ready_o is low
// after that beat until then, about as long as the threshold unit takes. Where both are at one edge, load_i
// wins. A beat accepted at such an edge passes with what was there. adapt_i is constant over a stream.
//
// Latency: 6 cycles to the bitmap. Throughput: one beat a cycle within a stream. ready_o depends on registers
// alone. Reset empties all stages, sets alpha to 0 (nothing is pruned) and the scale to 1. Flush: a stream's
// last beat, possibly with an empty mask, is all there is.
module front_end #(
    parameter int unsigned Lanes            = 8,
    parameter int unsigned ExponentBits     = 5,     // the format and its cast: quantizer_lane.sv
    parameter int unsigned MantissaBits     = 2,
    parameter int          Bias             = 15,
    parameter int unsigned NonFinite        = gradpath_pkg::Ieee,
    parameter bit          Saturate         = 1'b1,
    parameter int unsigned Rounding         = gradpath_pkg::Rne,
    parameter int unsigned RandomBits       = 24,    // of the quantizer
    parameter int unsigned PrunerRandomBits = 24,
    parameter bit          UsesLogs         = 1'b0,  // threshold_log in place of threshold_histogram
    parameter int unsigned HistogramBits    = 1,     // mantissa bits of the histogram
    parameter int unsigned FirstField       = 80,
    parameter int unsigned Binades          = 64,
    parameter int unsigned CountBits        = 24
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic        [Lanes*32-1:0] pruner_seed_i,     // read while in reset
    input  logic        [Lanes*32-1:0] quantizer_seed_i,  // read while in reset
    input  logic        [        15:0] target_i,          // sparsity in 65536ths, with each beat
    input  logic                       adapt_i,           // low: the stream passes by the statistics
    input  logic                       load_i,            // alpha_i and scale_exponent_i at this edge, before an update
    input  logic        [        30:0] alpha_i,
    input  logic signed [         7:0] scale_exponent_i,
    output logic        [        30:0] alpha_o,
    output logic signed [         7:0] scale_exponent_o,

    input  logic                valid_i,
    output logic                ready_o,
    input  logic [Lanes*32-1:0] data_i,
    input  logic [   Lanes-1:0] mask_i,
    input  logic                last_i,

    output logic                                           bitmap_valid_o,
    input  logic                                           bitmap_ready_i,
    output logic [                              Lanes-1:0] bitmap_o,
    output logic [                              Lanes-1:0] bitmap_mask_o,
    output logic                                           bitmap_last_o,
    output logic                                           codes_valid_o,
    input  logic                                           codes_ready_i,
    output logic [Lanes*(ExponentBits+MantissaBits+1)-1:0] codes_o,
    output logic [                              Lanes-1:0] codes_mask_o,
    output logic                                           codes_last_o
);

  localparam int unsigned CodeBits = ExponentBits + MantissaBits + 1;

  // A beat enters all of its units or none.
  logic pruner_ready, amax_ready, threshold_ready, statistics_ready;
  assign statistics_ready = amax_ready && threshold_ready;
  assign ready_o          = pruner_ready && statistics_ready;

  // --- Threshold and scale. Both results are taken together.
  logic [30:0] alpha_q, amax, next_alpha;
  logic signed [7:0] scale_exponent_q, next_scale_exponent;
  logic amax_valid, threshold_valid, updates;
  assign updates          = amax_valid && threshold_valid;
  assign alpha_o          = alpha_q;
  assign scale_exponent_o = scale_exponent_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      alpha_q          <= '0;
      scale_exponent_q <= '0;
    end else begin
      if (updates) begin
        alpha_q          <= next_alpha;
        scale_exponent_q <= next_scale_exponent;
      end
      if (load_i) begin
        alpha_q          <= alpha_i;
        scale_exponent_q <= scale_exponent_i;
      end
    end
  end

  logic unused_amax;
  assign unused_amax = ^amax;
  amax_unit #(
      .Lanes       (Lanes),
      .ExponentBits(ExponentBits),
      .MantissaBits(MantissaBits),
      .Bias        (Bias),
      .NonFinite   (NonFinite)
  ) u_amax (
      .clk_i,
      .rst_ni,
      .valid_i         (valid_i && adapt_i && pruner_ready && threshold_ready),
      .ready_o         (amax_ready),
      .data_i,
      .mask_i,
      .last_i,
      .valid_o         (amax_valid),
      .ready_i         (updates),
      .amax_o          (amax),
      .scale_exponent_o(next_scale_exponent)
  );

  if (UsesLogs) begin : gen_log
    threshold_log #(
        .Lanes    (Lanes),
        .CountBits(CountBits)
    ) u_threshold (
        .clk_i,
        .rst_ni,
        .target_i,
        .valid_i(valid_i && adapt_i && pruner_ready && amax_ready),
        .ready_o(threshold_ready),
        .data_i,
        .mask_i,
        .last_i,
        .valid_o(threshold_valid),
        .ready_i(updates),
        .alpha_o(next_alpha)
    );
  end else begin : gen_histogram
    threshold_histogram #(
        .Lanes       (Lanes),
        .MantissaBits(HistogramBits),
        .FirstField  (FirstField),
        .Binades     (Binades),
        .CountBits   (CountBits)
    ) u_threshold (
        .clk_i,
        .rst_ni,
        .target_i,
        .valid_i(valid_i && adapt_i && pruner_ready && amax_ready),
        .ready_o(threshold_ready),
        .data_i,
        .mask_i,
        .last_i,
        .valid_o(threshold_valid),
        .ready_i(updates),
        .alpha_o(next_alpha)
    );
  end

  // --- The stream. The quantizer needs the scale that its beat entered with, three beats later at
  // most: it travels in the pruner's shadow, in a queue of the same depth.
  logic pruned_valid, pruned_ready, pruned_last;
  logic [Lanes*32-1:0] pruned;
  logic [Lanes-1:0] pruned_mask;
  pruner #(
      .Lanes     (Lanes),
      .RandomBits(PrunerRandomBits)
  ) u_pruner (
      .clk_i,
      .rst_ni,
      .seed_i (pruner_seed_i),
      .alpha_i(alpha_q),
      .valid_i(valid_i && statistics_ready),
      .ready_o(pruner_ready),
      .data_i,
      .mask_i,
      .last_i,
      .valid_o(pruned_valid),
      .ready_i(pruned_ready),
      .data_o (pruned),
      .mask_o (pruned_mask),
      .last_o (pruned_last)
  );

  logic signed [7:0] scale_entered, scale_pruned;
  logic unused_accepts, scale_ready, scale_valid;
  stream_stage #(
      .OperandWidth(8),
      .ResultWidth (8)
  ) u_scale (
      .clk_i,
      .rst_ni,
      .valid_i  (valid_i && statistics_ready),
      .ready_o  (scale_ready),
      .data_i   (scale_exponent_q),
      .accepts_o(unused_accepts),
      .operand_o(scale_entered),
      .result_i (scale_entered),
      .valid_o  (scale_valid),
      .ready_i  (pruned_ready),
      .data_o   (scale_pruned)
  );

  logic code_valid, code_ready, code_last;
  logic [Lanes*CodeBits-1:0] code;
  logic [Lanes-1:0] code_mask;
  quantizer #(
      .Lanes       (Lanes),
      .ExponentBits(ExponentBits),
      .MantissaBits(MantissaBits),
      .Bias        (Bias),
      .NonFinite   (NonFinite),
      .Saturate    (Saturate),
      .Rounding    (Rounding),
      .RandomBits  (RandomBits),
      .Scaled      (1'b1)
  ) u_quantizer (
      .clk_i,
      .rst_ni,
      .seed_i          (quantizer_seed_i),
      .scale_exponent_i(scale_pruned),
      .valid_i         (pruned_valid),
      .ready_o         (pruned_ready),
      .data_i          (pruned),
      .mask_i          (pruned_mask),
      .last_i          (pruned_last),
      .valid_o         (code_valid),
      .ready_i         (code_ready),
      .data_o          (code),
      .mask_o          (code_mask),
      .last_o          (code_last)
  );

  compactor #(
      .Lanes       (Lanes),
      .CodeBits    (CodeBits),
      .NegativeZero(NonFinite != gradpath_pkg::Fnuz)
  ) u_compactor (
      .clk_i,
      .rst_ni,
      .valid_i(code_valid),
      .ready_o(code_ready),
      .data_i (code),
      .mask_i (code_mask),
      .last_i (code_last),
      .bitmap_valid_o,
      .bitmap_ready_i,
      .bitmap_o,
      .bitmap_mask_o,
      .bitmap_last_o,
      .codes_valid_o,
      .codes_ready_i,
      .codes_o,
      .codes_mask_o,
      .codes_last_o
  );

`ifndef SYNTHESIS
  logic past_q = 1'b0;  // a reset has been seen, and the cycle before was outside of it
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni;
    if (past_q && rst_ni) begin
      ScaleStaysBesideItsBeat_A :
      assert (scale_valid == pruned_valid && scale_ready == pruner_ready);
      // So amax_valid never decides; whoever makes the threshold unit faster must look.
      AmaxIsFirst_A :
      assert (amax_valid || !threshold_valid);
      if ($past(!updates && !load_i)) begin
        KeepsThresholdAndScale_A :
        assert ($stable(alpha_o) && $stable(scale_exponent_o));
      end
    end
  end
`endif

endmodule
