// log2(1 + f) in 256ths for the top six bits of a fraction f, at the
// middle of what they leave open.
// Written by scripts/rtl_tables.py.
//
// Combinational.
module log2_table (
    input  logic [5:0] index_i,
    output logic [7:0] value_o
);

  always_comb begin
    unique case (index_i)
      6'd0: value_o = 8'd3;
      6'd1: value_o = 8'd9;
      6'd2: value_o = 8'd14;
      6'd3: value_o = 8'd20;
      6'd4: value_o = 8'd25;
      6'd5: value_o = 8'd30;
      6'd6: value_o = 8'd36;
      6'd7: value_o = 8'd41;
      6'd8: value_o = 8'd46;
      6'd9: value_o = 8'd51;
      6'd10: value_o = 8'd56;
      6'd11: value_o = 8'd61;
      6'd12: value_o = 8'd66;
      6'd13: value_o = 8'd71;
      6'd14: value_o = 8'd75;
      6'd15: value_o = 8'd80;
      6'd16: value_o = 8'd85;
      6'd17: value_o = 8'd89;
      6'd18: value_o = 8'd94;
      6'd19: value_o = 8'd98;
      6'd20: value_o = 8'd103;
      6'd21: value_o = 8'd107;
      6'd22: value_o = 8'd111;
      6'd23: value_o = 8'd116;
      6'd24: value_o = 8'd120;
      6'd25: value_o = 8'd124;
      6'd26: value_o = 8'd128;
      6'd27: value_o = 8'd132;
      6'd28: value_o = 8'd136;
      6'd29: value_o = 8'd140;
      6'd30: value_o = 8'd144;
      6'd31: value_o = 8'd148;
      6'd32: value_o = 8'd152;
      6'd33: value_o = 8'd155;
      6'd34: value_o = 8'd159;
      6'd35: value_o = 8'd163;
      6'd36: value_o = 8'd167;
      6'd37: value_o = 8'd170;
      6'd38: value_o = 8'd174;
      6'd39: value_o = 8'd178;
      6'd40: value_o = 8'd181;
      6'd41: value_o = 8'd185;
      6'd42: value_o = 8'd188;
      6'd43: value_o = 8'd192;
      6'd44: value_o = 8'd195;
      6'd45: value_o = 8'd198;
      6'd46: value_o = 8'd202;
      6'd47: value_o = 8'd205;
      6'd48: value_o = 8'd208;
      6'd49: value_o = 8'd212;
      6'd50: value_o = 8'd215;
      6'd51: value_o = 8'd218;
      6'd52: value_o = 8'd221;
      6'd53: value_o = 8'd224;
      6'd54: value_o = 8'd228;
      6'd55: value_o = 8'd231;
      6'd56: value_o = 8'd234;
      6'd57: value_o = 8'd237;
      6'd58: value_o = 8'd240;
      6'd59: value_o = 8'd243;
      6'd60: value_o = 8'd246;
      6'd61: value_o = 8'd249;
      6'd62: value_o = 8'd252;
      6'd63: value_o = 8'd255;
      default: value_o = '0;
    endcase
  end

endmodule
