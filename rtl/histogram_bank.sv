// Counters of one lane: a memory with one port, read and written at the same address in a cycle.
//
// Latency: 0 (count_o is the counter at index_i). Throughput: one count a cycle. No reset: clear_i
// writes 0, so whoever owns the bank goes through all indices once after reset.
module histogram_bank #(
    parameter int unsigned Buckets   = 64,
    parameter int unsigned CountBits = 24
) (
    input  logic                       clk_i,
    input  logic [$clog2(Buckets)-1:0] index_i,
    input  logic                       add_i,    // one more at index_i
    input  logic                       clear_i,  // none at index_i
    output logic [      CountBits-1:0] count_o
);

  logic [CountBits-1:0] counts_q[Buckets];

  assign count_o = counts_q[index_i];

  always_ff @(posedge clk_i) begin
    if (add_i) counts_q[index_i] <= count_o + CountBits'(1);
    if (clear_i) counts_q[index_i] <= '0;
  end

  if (Buckets < 2 || CountBits < 1) begin : gen_wrong_parameters
    $error("expected two buckets or more of a bit or more");
  end

endmodule
