// The random words of a stage: one LFSR a lane, each from its own seed (docs/numerics.md, "Lane
// words"). words_o holds the top RandomBits of every lane's word, lane i at i*RandomBits.
//
// Latency: 0 (the words are there before they are asked for). Throughput: one set a cycle.
module lane_words #(
    parameter int unsigned Lanes      = 8,
    parameter int unsigned RandomBits = 24  // 1..32
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic [        Lanes*32-1:0] seed_i,  // read while in reset
    input  logic                        step_i,  // all lanes move on at this edge
    output logic [Lanes*RandomBits-1:0] words_o
);

  for (genvar i = 0; i < Lanes; i++) begin : gen_lanes
    logic [31:0] word;
    lfsr u_lfsr (
        .clk_i,
        .rst_ni,
        .seed_i(seed_i[i*32+:32]),
        .step_i,
        .word_o(word)
    );
    assign words_o[i*RandomBits+:RandomBits] = word[31-:RandomBits];
    logic unused_word;
    assign unused_word = ^word;
  end

  if (Lanes < 1 || RandomBits < 1 || RandomBits > 32) begin : gen_wrong_parameters
    $error("expected a lane or more of 1 to 32 random bits");
  end

endmodule
