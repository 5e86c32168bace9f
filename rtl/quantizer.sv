// Casts a stream of fp32 beats to the codes of a small float format, Lanes values a beat
// (beat format: rtl/README.md; arithmetic: quantizer_lane.sv).
//
// Latency: 2 cycles (operands and random words in a register, the codes in a two-entry buffer).
// Throughput: one beat a cycle. ready_o depends on registers alone, never on ready_i or valid_i.
// Stochastic: each lane's LFSR starts at its seed_i in reset and steps once per accepted beat.
module quantizer #(
    parameter int unsigned Lanes        = 8,
    parameter int unsigned ExponentBits = 5,
    parameter int unsigned MantissaBits = 2,
    parameter int          Bias         = 15,
    parameter int unsigned NonFinite    = 0,
    parameter bit          Saturate     = 1'b0,
    parameter bit          Stochastic   = 1'b0,
    parameter int unsigned RandomBits   = 24
) (
    input  logic                                         clk_i,
    input  logic                                         rst_ni,
    input  logic [                         Lanes*32-1:0] seed_i,   // read while in reset
    input  logic                                         valid_i,
    output logic                                         ready_o,
    input  logic [                         Lanes*32-1:0] data_i,
    input  logic [                            Lanes-1:0] mask_i,
    input  logic                                         last_i,
    output logic                                         valid_o,
    input  logic                                         ready_i,
    output logic [Lanes*(ExponentBits+MantissaBits+1)-1:0] data_o,  // 0 in lanes outside the mask
    output logic [                            Lanes-1:0] mask_o,
    output logic                                         last_o
);

  localparam int unsigned CodeBits = ExponentBits + MantissaBits + 1;

  logic accepts, buffer_ready;
  logic valid_q, last_q;
  logic [Lanes*32-1:0] data_q;
  logic [Lanes-1:0] mask_q;
  logic [Lanes*RandomBits-1:0] random, random_q;
  logic [Lanes*CodeBits-1:0] codes;

  assign ready_o = !valid_q || buffer_ready;
  assign accepts = valid_i && ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q  <= 1'b0;
      last_q   <= 1'b0;
      data_q   <= '0;
      mask_q   <= '0;
      random_q <= '0;
    end else if (ready_o) begin
      valid_q  <= valid_i;
      last_q   <= last_i;
      data_q   <= data_i;
      mask_q   <= mask_i;
      random_q <= random;
    end
  end

  if (Stochastic) begin : gen_random
    for (genvar i = 0; i < Lanes; i++) begin : gen_lfsr
      logic [31:0] word;
      lfsr u_lfsr (
          .clk_i,
          .rst_ni,
          .seed_i(seed_i[i*32+:32]),
          .step_i(accepts),
          .word_o(word)
      );
      assign random[i*RandomBits+:RandomBits] = word[31-:RandomBits];
      logic unused_word;
      assign unused_word = ^word;
    end
  end else begin : gen_nearest
    logic unused_seed;
    assign unused_seed = (^seed_i) ^ accepts;
    assign random      = '0;
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [CodeBits-1:0] code;
    quantizer_lane #(
        .ExponentBits(ExponentBits),
        .MantissaBits(MantissaBits),
        .Bias        (Bias),
        .NonFinite   (NonFinite),
        .Saturate    (Saturate),
        .Stochastic  (Stochastic),
        .RandomBits  (RandomBits)
    ) u_lane (
        .x_i     (data_q[i*32+:32]),
        .random_i(random_q[i*RandomBits+:RandomBits]),
        .code_o  (code)
    );
    assign codes[i*CodeBits+:CodeBits] = mask_q[i] ? code : '0;
  end

  stream_buffer #(
      .Width(Lanes * CodeBits + Lanes + 1)
  ) u_buffer (
      .clk_i,
      .rst_ni,
      .valid_i(valid_q),
      .ready_o(buffer_ready),
      .data_i ({codes, mask_q, last_q}),
      .valid_o,
      .ready_i,
      .data_o ({data_o, mask_o, last_o})
  );

`ifndef SYNTHESIS
  // Every accepted beat leaves once, in order: no more than three are inside, and a beat taken was
  // accepted before.
  logic [2:0] inside_q = '0;
  logic past_q = 1'b0;
  always_ff @(posedge clk_i) begin
    past_q   <= rst_ni;
    inside_q <= inside_q + 3'(accepts) - 3'(valid_o && ready_i);
    if (!rst_ni) inside_q <= '0;
    if (past_q && rst_ni) begin
      HoldsAtMostThree_A :
      assert (inside_q <= 3'd3);
      ReadyUnlessFull_A :
      assert (ready_o || inside_q == 3'd3);
      NothingFromNothing_A :
      assert (!valid_o || inside_q != 3'd0);
      if ($past(valid_o && !ready_i)) begin
        HoldsUntilTaken_A :
        assert (valid_o && $stable(data_o) && $stable(mask_o) && $stable(last_o));
      end
    end
  end
`endif

endmodule
