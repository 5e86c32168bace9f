// Casts a stream of fp32 beats, times a power of two, to the codes of a small float format, Lanes
// values a beat (beat format: rtl/README.md; arithmetic and parameters: quantizer_lane.sv).
//
// Latency: 2 cycles (operands and random words in a register, the codes in a two-entry buffer).
// Throughput: one beat a cycle. ready_o depends on registers alone, never on ready_i or valid_i.
// scale_exponent_i is taken with each accepted beat. Stochastic roundings: each lane's LFSR starts at
// its seed_i in reset and steps once per accepted beat.
module quantizer #(
    parameter int unsigned Lanes        = 8,
    parameter int unsigned ExponentBits = 5,
    parameter int unsigned MantissaBits = 2,
    parameter int          Bias         = 15,
    parameter int unsigned NonFinite    = gradpath_pkg::Ieee,
    parameter bit          Saturate     = 1'b0,
    parameter int unsigned Rounding     = gradpath_pkg::Rne,
    parameter int unsigned RandomBits   = 24,
    parameter bit          Scaled       = 1'b0
) (
    input  logic                                           clk_i,
    input  logic                                           rst_ni,
    input  logic        [                    Lanes*32-1:0] seed_i,  // read while in reset
    input  logic signed [                             7:0] scale_exponent_i,  // if Scaled
    input  logic                                           valid_i,
    output logic                                           ready_o,
    input  logic        [                    Lanes*32-1:0] data_i,
    input  logic        [                       Lanes-1:0] mask_i,
    input  logic                                           last_i,
    output logic                                           valid_o,
    input  logic                                           ready_i,
    output logic [Lanes*(ExponentBits+MantissaBits+1)-1:0] data_o,  // 0 in lanes outside the mask
    output logic        [                       Lanes-1:0] mask_o,
    output logic                                           last_o
);

  localparam int unsigned CodeBits = ExponentBits + MantissaBits + 1;
  localparam bit IsStochastic = Rounding == gradpath_pkg::Sr || Rounding == gradpath_pkg::Sru;

  logic accepts, last;
  logic [Lanes-1:0] mask;
  logic [Lanes*32-1:0] data;
  // What a lane takes beside the values: its random bits; one scale for all.
  logic [Lanes*RandomBits-1:0] random;
  logic signed [7:0] scale_exponent;
  logic [Lanes*CodeBits-1:0] codes;

  localparam int unsigned ScaleWidth = Scaled ? 8 : 0;
  localparam int unsigned RandomWidth = IsStochastic ? Lanes * RandomBits : 0;
  localparam int unsigned BeatWidth = Lanes * 32 + Lanes + 1;
  localparam int unsigned OperandWidth = ScaleWidth + RandomWidth + BeatWidth;
  logic [OperandWidth-1:0] entering, operand;
  assign entering[BeatWidth-1:0] = {data_i, mask_i, last_i};
  assign {data, mask, last}      = operand[BeatWidth-1:0];

  stream_stage #(
      .OperandWidth(OperandWidth),
      .ResultWidth (Lanes * CodeBits + Lanes + 1)
  ) u_stage (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .data_i   (entering),
      .accepts_o(accepts),
      .operand_o(operand),
      .result_i ({codes, mask, last}),
      .valid_o,
      .ready_i,
      .data_o   ({data_o, mask_o, last_o})
  );

  if (IsStochastic) begin : gen_random
    logic [Lanes*RandomBits-1:0] words;
    lane_words #(
        .Lanes     (Lanes),
        .RandomBits(RandomBits)
    ) u_words (
        .clk_i,
        .rst_ni,
        .seed_i,
        .step_i (accepts),
        .words_o(words)
    );
    assign entering[BeatWidth+:RandomWidth] = words;
    assign random                           = operand[BeatWidth+:RandomWidth];
  end else begin : gen_deterministic
    logic unused_seed;
    assign unused_seed = (^seed_i) ^ accepts;
    assign random      = '0;
  end

  if (Scaled) begin : gen_scale
    assign entering[BeatWidth+RandomWidth+:ScaleWidth] = scale_exponent_i;
    assign scale_exponent                              = operand[BeatWidth+RandomWidth+:ScaleWidth];
  end else begin : gen_unscaled
    logic unused_scale;
    assign unused_scale   = ^scale_exponent_i;
    assign scale_exponent = '0;
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [CodeBits-1:0] code;
    quantizer_lane #(
        .ExponentBits(ExponentBits),
        .MantissaBits(MantissaBits),
        .Bias        (Bias),
        .NonFinite   (NonFinite),
        .Saturate    (Saturate),
        .Rounding    (Rounding),
        .RandomBits  (RandomBits),
        .Scaled      (Scaled)
    ) u_lane (
        .x_i             (data[i*32+:32]),
        .scale_exponent_i(scale_exponent),
        .random_i        (random[i*RandomBits+:RandomBits]),
        .code_o          (code)
    );
    assign codes[i*CodeBits+:CodeBits] = mask[i] ? code : '0;
  end

  if (Lanes < 1) begin : gen_wrong_parameters
    $error("expected a lane or more");
  end

endmodule
